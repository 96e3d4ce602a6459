-- Leases the messages that are visible, in the order in which they became so.
--
-- most_bytes  of payload; one message is always given
-- silence     '1' to silence the doorbell first
--
-- Reply {for each message: id, subject or '' for the same, deliveries, failures, crashes, exhausted, head or '',
--       payload}
--
-- A delivery that was never settled was a crash. Its message is handed out alone, so that one which kills its worker
-- takes no neighbours along; past its budget it comes marked exhausted, without its payload, only to be buried.
local queue, most, most_bytes, lease_ms, max_crashes, worker, silence = unpack(ARGV, 1, 7)
most_bytes, max_crashes = tonumber(most_bytes), tonumber(max_crashes)
local due = key(queue, 'due')

if silence == '1' then redis.call('DEL', key(root(queue), 'bell')) end

-- What the messages are about. Most queues have no follow-ups, and ask Redis once.
local function subjects_of(ids)
  local subjects = key(queue, 'subject')
  if redis.call('EXISTS', subjects) == 0 then return ids end
  local of = values_of(subjects, ids)
  for at, id in ipairs(ids) do of[at] = of[at] and string.sub(of[at], 2) or id end
  return of
end

local reply, bytes, states, leased = {}, 0, {}, {}
local visible = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
local before = values_of(key(queue, 'deliveries'), visible)
local subjects = subjects_of(visible)
local heads = values_of(ns .. ':head', subjects)
for at, id in ipairs(visible) do
  local deliveries, failures, crashes, unsettled = parse_state(before[at])
  local suspect = unsettled ~= nil
  if suspect and at > 1 then break end
  local exhausted = suspect and crashes + 1 >= max_crashes and 1 or 0
  local payload = exhausted == 0 and redis.call('HGET', key(queue, 'body'), id) or ''
  bytes = bytes + #payload
  if bytes > most_bytes and at > 1 then break end

  if suspect then
    crashes = crashes + 1
    remember(queue, id, {delivery = deliveries, kind = 'crash', worker = unsettled})
  end
  deliveries = deliveries + 1
  local pair = 2 * at
  states[pair - 1], states[pair] = id, format_state(deliveries, failures, crashes, worker)
  leased[pair - 1], leased[pair] = now + lease_ms, id

  local subject, head = subjects[at] ~= id and subjects[at] or '', heads[at] or ''
  reply[#reply + 1] = {id, subject, deliveries, failures, crashes, exhausted, head, payload}
  if suspect then break end
end

call_with('HSET', key(queue, 'deliveries'), states)
call_with('ZADD', due, leased)

local earliest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if earliest[2] then
  -- What is visible and still unclaimed is this worker's next batch, unless it dies first.
  local at = tonumber(earliest[2])
  arm(queue, at > now and at or now + lease_ms, lease_ms)
end
return reply

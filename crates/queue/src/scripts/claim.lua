-- Leases the messages that are visible, in the order in which they became so.
--
-- ARGV  1 queue, 2 most messages, 3 most bytes of payload (one message is always given), 4 lease_ms, 5 max_crashes,
--       6 worker, 7 '1' to silence the doorbell first
-- Reply {for each message: id, subject or '' for the same, delivery, failures, crashes, exhausted, head or '', payload}
--
-- A delivery that was never settled was a crash. Its message is handed out alone, so that one which kills its worker
-- takes no neighbours along; past its budget it comes marked exhausted, without its payload, only to be buried.
local queue, most, most_bytes, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local max_crashes, worker = tonumber(ARGV[5]), ARGV[6]
local due = key(queue, 'due')

if ARGV[7] == '1' then redis.call('DEL', key(root(queue), 'bell')) end

local reply, bytes, states, leased, subjects = {}, 0, {}, {}, {}
local follow_ups = redis.call('EXISTS', key(queue, 'subject')) == 1
local visible = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
local before = values_of(key(queue, 'deliveries'), visible)
for at, id in ipairs(visible) do
  local deliveries, failures, crashes, unsettled = parse_state(before[at])
  local suspect = unsettled ~= nil
  if suspect and #reply > 0 then break end
  local exhausted = suspect and crashes + 1 >= max_crashes
  local payload = not exhausted and redis.call('HGET', key(queue, 'body'), id) or ''
  bytes = bytes + #payload
  if bytes > most_bytes and #reply > 0 then break end

  if suspect then
    crashes = crashes + 1
    remember(queue, id, {delivery = deliveries, kind = 'crash', worker = unsettled})
  end
  deliveries = deliveries + 1
  local pair = 2 * at
  states[pair - 1], states[pair] = id, format_state(deliveries, failures, crashes, worker)
  leased[pair - 1], leased[pair] = now + lease_ms, id

  local subject, n = follow_ups and subject_of(queue, id) or id, #reply
  subjects[at] = subject
  reply[n + 1], reply[n + 2] = id, subject ~= id and subject or ''
  reply[n + 3], reply[n + 4], reply[n + 5] = deliveries, failures, crashes
  reply[n + 6] = exhausted and 1 or 0
  -- In the place of the head.
  reply[n + 7] = ''
  reply[n + 8] = payload
  if suspect then break end
end

call_with('HSET', key(queue, 'deliveries'), states)
call_with('ZADD', due, leased)
for at, head in ipairs(values_of(ns .. ':head', subjects)) do reply[8 * at - 1] = head or '' end

local earliest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if earliest[2] then
  -- What is visible and still unclaimed is this worker's next batch, unless it dies first.
  local at = tonumber(earliest[2])
  arm(queue, at > now and at or now + lease_ms, lease_ms)
end
return reply

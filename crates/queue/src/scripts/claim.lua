-- Leases messages that are visible, in the order in which they became so.
--
-- most_bytes  of payload; one message is always given
-- number      with the worker's name it is the token of this claim: no other claim of this worker has it
-- again       '1' when an earlier try with this token may have been carried out, and its answer lost
-- silence     '1' to silence the doorbell first
-- beside      '1' if the worker has messages in flight: then only fresh ones are given
-- places      how many of those may be given that wait for a place at a partner
--
-- Reply {for each message: id, subject or '' for the same, deliveries, failures, crashes, suspect, exhausted, since,
--       thrown_back, head or '', payload}: since when it is visible in ms, and 1 if it waited for a place
--
-- A delivery that was never settled was a crash, and its message is a suspect. Suspects are handed out apart from the
-- fresh messages, which they must not take along or hold up: see `choose`. Past its budget a message comes marked
-- exhausted, without its payload, only to be buried.
local queue, most, most_bytes, lease_ms, max_crashes, worker, number, again, silence, beside, places = unpack(ARGV, 1, 11)
most, most_bytes, max_crashes = tonumber(most), tonumber(most_bytes), tonumber(max_crashes)
local due, throttled = key(queue, 'due'), key(queue, 'throttled')
local token = worker .. '#' .. number

-- A first crash was mostly a kill, and most suspects are innocent. So they go together, but not all of them: if one of
-- them kills, each of these is handed out alone after that.
local TOGETHER = 16

-- How many messages are looked at: suspects may stand before all others.
local LOOKED_AT = 10000

-- Who can't settle later must not begin now, so a full Redis refuses the claim.
check_waking(queue)
check_rights({'SET', key(queue, 'turn'), 'DEL', key(queue, 'turn')})
begin({'EXISTS', 'HGET', 'HMGET', 'HSET', 'ZADD', 'ZMSCORE', 'ZRANGE', 'ZREM'}, {
  hash = {key(queue, 'deliveries'), key(queue, 'body'), key(queue, 'history'), key(queue, 'subject'), ns .. ':head'},
  zset = {due, throttled},
})
if silence == '1' then redis.call('DEL', key(root(queue), 'bell')) end

-- What the messages are about. Most queues have no follow-ups, and ask Redis once.
local function subjects_of(ids)
  local subjects = key(queue, 'subject')
  if redis.call('EXISTS', subjects) == 0 then return ids end
  local of = values_of(subjects, ids)
  for at, id in ipairs(ids) do of[at] = of[at] and string.sub(of[at], 2) or id end
  return of
end

-- The crashes of a message with the one that is booked now, and whether one is.
local function crashes_of(crashes, holder)
  local crashed = holder ~= nil and is_known(holder)
  return crashed and crashes + 1 or crashes, crashed
end

-- 'last': one more crash, and it is buried. 'spent': it is only handed out to be buried.
local function kind_of(state)
  if not state then return 'fresh' end
  local _, _, before, holder = parse_state(state)
  local crashes, crashed = crashes_of(before, holder)
  if crashes == 0 then return 'fresh' end
  if crashes >= max_crashes then return 'spent' end
  if crashes == max_crashes - 1 then return 'last' end
  return crashed and 'suspect' or 'fresh'
end

local function add(group, id, state, since)
  local n = #group.ids + 1
  group.ids[n], group.states[n], group.since[n] = id, state, since
end

-- A range with scores, as ids and scores.
local function apart(range)
  local ids, scores = {}, {}
  for at = 1, #range, 2 do ids[#ids + 1], scores[#scores + 1] = range[at], tonumber(range[at + 1]) end
  return ids, scores
end

local has_throttled = redis.call('EXISTS', throttled) == 1

-- The first of those that wait for a place, as many as there are places. They came before all that is fresh. What was
-- cancelled or handed out meanwhile waits no more, and what must be handed out alone waits among the others.
local function waiting_for_place()
  local group = {ids = {}, states = {}, since = {}}
  places = math.min(tonumber(places), most)
  if not has_throttled or places == 0 then return group end
  local ids, since = apart(redis.call('ZRANGE', throttled, 0, places - 1, 'WITHSCORES'))
  local times, gone, others = redis.call('ZMSCORE', due, unpack(ids)), {}, {}
  for at, state in ipairs(values_of(key(queue, 'deliveries'), ids)) do
    local _, _, _, holder = parse_state(state)
    local waits = times[at] and not holder
    if waits and kind_of(state) == 'fresh' then
      add(group, ids[at], state, since[at])
    else
      gone[#gone + 1] = ids[at]
      if waits then others[#others + 1], others[#others + 2] = since[at], ids[at] end
    end
  end
  call_with('ZREM', throttled, gone)
  call_with('ZADD', due, others)
  return group
end

-- Those of a page that wait for a place, and were not given one now. They go on waiting.
local function are_throttled(ids)
  return has_throttled and ids[1] and redis.call('ZMSCORE', throttled, unpack(ids)) or {}
end

-- The first messages that wait for a place, then the first fresh ones; and the first suspects that may be handed out
-- together; each with what is known of them.
local put_off = {}
local function look()
  local fresh, suspects = waiting_for_place(), {ids = {}, states = {}, since = {}}
  local suspects_kind, room, offset = nil, 0, 0
  fresh.waited = #fresh.ids
  repeat
    local page, since = apart(redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', offset, most, 'WITHSCORES'))
    local states, waits = values_of(key(queue, 'deliveries'), page), are_throttled(page)
    for at, id in ipairs(page) do
      local kind = kind_of(states[at])
      if waits[at] then
        put_off[#put_off + 1], put_off[#put_off + 2] = now + lease_ms, id
      elseif kind == 'fresh' then
        if #fresh.ids < most then add(fresh, id, states[at], since[at]) end
      elseif not suspects_kind or (kind == suspects_kind and #suspects.ids < room) then
        suspects_kind, room = kind, kind == 'last' and 1 or math.min(most, TOGETHER)
        add(suspects, id, states[at], since[at])
      end
    end
    offset = offset + #page
  until #page < most or #fresh.ids >= most or offset >= LOOKED_AT or #put_off >= MOST_ARGUMENTS
  return fresh, suspects
end

-- Fresh messages, or suspects: they take turns while there are both, so that neither waits for all of the others. When
-- it is the suspects' turn, nothing is given beside what is in flight, which so comes to its end.
local function choose()
  local fresh, suspects = look()
  local turn, none = key(queue, 'turn'), {ids = {}}
  if #suspects.ids == 0 then return fresh, 0 end
  if beside == '1' and (#fresh.ids == 0 or redis.call('EXISTS', turn) == 1) then return none, 0 end
  if #fresh.ids == 0 or redis.call('DEL', turn) == 1 then return suspects, 1 end
  redis.call('SET', turn, 'suspects')
  return fresh, 0
end

-- What the earlier try leased, unless somebody else has it since. All of it has one time.
local function leased_before()
  local found, lease_end, offset, PAGE = {ids = {}, states = {}, since = {}}, nil, 0, 500
  repeat
    local page = redis.call('ZRANGE', due, now + lease_ms, '-inf', 'BYSCORE', 'REV', 'LIMIT', offset, PAGE, 'WITHSCORES')
    local ids = {}
    for at = 1, #page, 2 do ids[#ids + 1] = page[at] end
    for at, state in ipairs(values_of(key(queue, 'deliveries'), ids)) do
      if lease_end and page[2 * at] ~= lease_end then return found end
      local _, _, _, holder = parse_state(state)
      if holder == token or holder == doubtful(token) then
        lease_end = page[2 * at]
        table.insert(found.ids, 1, ids[at])
        table.insert(found.states, 1, state)
        found.since[#found.ids] = now
      end
    end
    offset = offset + PAGE
  until #ids < PAGE or offset >= LOOKED_AT
  return found
end

local batch = again == '1' and leased_before() or {ids = {}}
local is_repeated, suspects = #batch.ids > 0, 0
if not is_repeated then batch, suspects = choose() end
local holder_now = again == '1' and doubtful(token) or token

local reply, bytes, states, leased = {}, 0, {}, {}
local subjects = subjects_of(batch.ids)
local heads = values_of(ns .. ':head', subjects)
for at, id in ipairs(batch.ids) do
  local deliveries, failures, before, holder = parse_state(batch.states[at])
  local crashes, crashed = before, false
  if not is_repeated then crashes, crashed = crashes_of(before, holder) end
  local exhausted = crashes > 0 and crashes >= max_crashes and 1 or 0
  local payload = exhausted == 0 and redis.call('HGET', key(queue, 'body'), id) or ''
  bytes = bytes + #payload
  if bytes > most_bytes and at > 1 then break end

  if crashed then remember(queue, id, {delivery = deliveries, kind = 'crash', worker = worker_of(holder)}) end
  if not is_repeated then deliveries = deliveries + 1 end
  local pair = 2 * at
  states[pair - 1], states[pair] = id, format_state(deliveries, failures, crashes, holder_now)
  leased[pair - 1], leased[pair] = now + lease_ms, id

  local subject, head = subjects[at] ~= id and subjects[at] or '', heads[at] or ''
  -- An earlier try may have given it as a suspect.
  local suspect = is_repeated and crashes > 0 and 1 or suspects
  local since, thrown_back = batch.since[at], at <= (batch.waited or 0) and 1 or 0
  reply[#reply + 1] = {id, subject, deliveries, failures, crashes, suspect, exhausted, since, thrown_back, head, payload}
end

call_with('HSET', key(queue, 'deliveries'), states)
call_with('ZADD', due, put_off)
call_with('ZADD', due, leased)
if (batch.waited or 0) > 0 then
  local given = {}
  for at = 2, #leased, 2 do given[#given + 1] = leased[at] end
  call_with('ZREM', throttled, given)
end

local earliest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if earliest[2] then
  -- What is visible and still unclaimed is this worker's next batch, unless it dies first.
  local at = tonumber(earliest[2])
  arm(queue, at > now and at or now + lease_ms, lease_ms)
end
if #reply == 0 and beside ~= '1' then redis.call('DEL', key(queue, 'turn')) end
return reply

-- Settles deliveries: done, retry, bury or release, with all that follows from them, in one step.
--
-- cut_off        '1' if the worker missed Redis for a while: what came late then is no sign that it died
-- head, counter  '' for none
-- stock          'back' or 'out' to let what the subject holds go back into stock or out of it, or ''
-- clears         '1' to clear the subject's own message, whether it waits or is a dead letter
-- topic          copies the message to the lanes of its queue's subscribers to this topic; '' for no copies
-- emits          how many there are, each with log: '1' to append it to the log
--
-- Reply {latest for each delivery}: 1, or 0: it is no longer the latest, and nothing of it was done
--
--   done     the message is gone; its head moves, its events exist
--   retry    spends an attempt; visible again after delay_ms
--   bury     becomes a dead letter; head and events as for done
--   release  given back unhandled; spends nothing; visible again after delay_ms; its reason is remembered once
local queue, worker, guard_ms, retention_ms, cut_off = unpack(ARGV, 1, 5)
-- How many arguments each has. build.rs counts the names below.
local SETTLEMENT, EMIT = 12, 5
local due, body, states_key = key(queue, 'due'), key(queue, 'body'), key(queue, 'deliveries')
local FIRST = 6
local at, counts, reply, trimmed = FIRST, {}, {}, false
-- Written together in the end, because nothing before that reads it.
local finished, heads, decided, emitted = {}, {}, {}, {}
local follow_ups = redis.call('EXISTS', key(queue, 'subject'), key(queue, 'line')) > 0

local function take(n)
  at = at + n
  return unpack(ARGV, at - n, at - 1)
end

local function count(counter) counts[counter] = (counts[counter] or 0) + 1 end

local function append(event, payload)
  if trimmed then
    redis.call('XADD', ns .. ':log', '*', 'id', event, 'event', payload)
  else
    trimmed = true
    -- Redis numbers the entries by its own clock.
    local oldest = math.max(math.min(now, redis_ms) - retention_ms, 0)
    redis.call('XADD', ns .. ':log', 'MINID', '~', oldest, '*', 'id', event, 'event', payload)
  end
end

local function put(target, id, payload, delay_ms)
  local sent = emitted[target]
  if not sent then
    sent = {bodies = {}, times = {}}
    emitted[target] = sent
    -- The writer wakes the reader itself; this is for the case that it dies first.
    arm(target, now + math.max(guard_ms, delay_ms), guard_ms)
  end
  local n = #sent.times
  sent.bodies[n + 1], sent.bodies[n + 2] = id, payload
  sent.times[n + 1], sent.times[n + 2] = now + delay_ms, id
end

local function emit(target, id, payload, log, delay_ms)
  if not emitted[target] then note_lane(target) end
  put(target, id, payload, delay_ms)
  if log == '1' then append(id, payload) end
end

local copies, subscribers = false, {}

-- Before the message goes. Whoever settles need not know the subscribers, and so forgets none.
local function copy(id, topic)
  local payload = redis.call('HGET', body, id)
  for lane, subscriber in pairs(subscribers) do
    if wants(subscriber, topic) then put(lane, id, payload, 0) end
  end
  count(queue .. ':copied')
end

local function remove(id)
  if not follow_ups then
    redis.call('ZREM', due, id)
  elseif leave(queue, id) then
    -- The next of its subject is this worker's next batch, unless it dies first.
    arm(queue, now + guard_ms, guard_ms)
  end
end

local function finish(id)
  if not follow_ups then
    finished[#finished + 1] = id
    return
  end
  remove(id)
  forget(queue, id)
end

local function bury(id, deliveries, failures, crashes, class, reason)
  remove(id)
  redis.call('ZADD', key(queue, 'dead'), now, id)
  write_state(queue, id, deliveries, failures, crashes)
  local why = {class = class, reason = reason, deliveries = deliveries, failures = failures, crashes = crashes}
  redis.call('HSET', key(queue, 'why'), id, cjson.encode(why))
end

local function postpone(id, deliveries, failures, crashes, delay_ms)
  write_state(queue, id, deliveries, failures, crashes)
  if follow_ups and step_back(queue, id, now) then
    arm(queue, now + guard_ms, guard_ms)
    return
  end
  redis.call('ZADD', due, now + delay_ms, id)
  arm(queue, now + delay_ms, guard_ms)
end

-- It is never out at the same time as the message that clears it.
local function clear(subject)
  if redis.call('HEXISTS', body, subject) == 0 then return end
  if redis.call('ZREM', key(queue, 'dead'), subject) == 0 then remove(subject) end
  forget(queue, subject)
end

-- What is known of the messages, as this script goes on: one may come twice.
local ids, states, targets, letting_go = {}, {}, {}, {}
while at <= #ARGV do
  -- The id is the first of its arguments, stock the ninth, then clears and topic, and the number of emits the last.
  ids[#ids + 1] = ARGV[at]
  if ARGV[at + 8] ~= '' then letting_go[#letting_go + 1] = ARGV[at] end
  copies = copies or ARGV[at + 10] ~= ''
  at = at + SETTLEMENT
  for _ = 1, tonumber(ARGV[at - 1]) do
    targets[ARGV[at]] = true
    at = at + EMIT
  end
end

-- What was done must be told though Redis is full: it was charged, it was delivered.
local hashes, zsets = {ns .. ':head'}, {due, key(queue, 'dead')}
for _, part in ipairs({'body', 'deliveries', 'history', 'why', 'subject', 'line'}) do
  hashes[#hashes + 1] = key(queue, part)
end
for _, part in ipairs({':asked', ':held'}) do hashes[#hashes + 1] = ns .. part end
if letting_go[1] then
  for _, part in ipairs({':stock', ':stock:held'}) do hashes[#hashes + 1] = ns .. part end
end
check_waking(queue)
begin_even_if_full({'HDEL', 'HEXISTS', 'HGET', 'HINCRBY', 'HMGET', 'HSET', 'XADD', 'ZADD', 'ZREM', 'ZSCORE'},
  {hash = hashes, zset = zsets, stream = {ns .. ':log'}})
if copies then
  subscribers = subscribers_of(queue)
  for lane in pairs(subscribers) do targets[lane] = true end
end
for target in pairs(targets) do
  check_waking(target)
  check({}, {hash = {key(target, 'body')}, zset = {key(target, 'due')}})
end
for _, id in ipairs(letting_go) do check_let_go(subject_of(queue, id)) end

for n, state in ipairs(values_of(states_key, ids)) do states[ids[n]] = state end

at = FIRST
while at <= #ARGV do
  local id, delivery, verdict, delay_ms, class, reason, head, counter, stock, clears, topic, emits = take(SETTLEMENT)
  local deliveries, failures, crashes, holder = parse_state(states[id])
  -- The fence. A settled delivery has no holder, a later one has another number.
  local latest = holder and deliveries == tonumber(delivery) and 1 or 0
  if latest == 1 then
    states[id] = false
    if (verdict == 'retry' or verdict == 'bury') and class ~= 'crash' then
      if class == 'handler' then failures = failures + 1 end
      remember(queue, id, {delivery = deliveries, kind = class, reason = reason, worker = worker})
    end
    if verdict == 'release' and reason ~= '' then
      remember_given_back(queue, id, {delivery = deliveries, kind = 'handler', reason = reason, worker = worker})
    end
    local subject = follow_ups and subject_of(queue, id) or id
    if topic ~= '' then copy(id, topic) end
    if verdict == 'done' then finish(id)
    elseif verdict == 'bury' then bury(id, deliveries, failures, crashes, class, reason)
    else postpone(id, deliveries, failures, crashes, delay_ms) end
    if head ~= '' then
      heads[#heads + 1], heads[#heads + 2] = subject, head
      decided[#decided + 1] = subject
    end
    if counter ~= '' then count(counter) end
    if stock ~= '' then let_go(subject, stock == 'back') end
    if clears == '1' then clear(subject) end
    count(queue .. ':' .. verdict)
  else
    count(queue .. ':late')
    if cut_off == '1' and states[id] then
      excuse(queue, id, tonumber(delivery), worker)
      states[id] = redis.call('HGET', states_key, id)
    end
  end
  for _ = 1, tonumber(emits) do
    local target, event, payload, log, delay_ms = take(EMIT)
    if latest == 1 then emit(target, event, payload, log, tonumber(delay_ms)) end
  end
  reply[#reply + 1] = {latest}
end

call_with('ZREM', due, finished)
for _, part in ipairs({body, states_key, key(queue, 'history')}) do call_with('HDEL', part, finished) end
call_with('HSET', ns .. ':head', heads)
call_with('HDEL', ns .. ':asked', decided)
-- That it held once is of no use any more where it holds nothing.
local HELD_NOTHING, empty = cmsgpack.pack({}), {}
for n, held in ipairs(values_of(ns .. ':held', decided)) do
  if held == HELD_NOTHING then empty[#empty + 1] = decided[n] end
end
call_with('HDEL', ns .. ':held', empty)
for target, sent in pairs(emitted) do
  call_with('HSET', key(target, 'body'), sent.bodies)
  call_with('ZADD', key(target, 'due'), sent.times)
end
-- A counter that can't count must hold up no order.
for counter, n in pairs(counts) do redis.pcall('HINCRBY', ns .. ':totals', counter, n) end
return reply

-- Settles deliveries: done, again, retry, bury, release or throttle, with all that follows from them, in one step.
--
-- cut_off        '1' if the worker missed Redis for a while: what came late then is no sign that it died
-- head, counter  '' for none
-- stock          'back' or 'out' to let what the subject holds go back into stock or out of it, or ''
-- since          since when a throttled message is visible, in ms; or 0
-- clears         '1' to clear the subject's own message, whether it waits or is a dead letter
-- topic          copies the message to the lanes of its queue's subscribers to this topic; '' for no copies
-- ends           'final' if its subject will not change any more, 'forgotten' to forget its head, or ''
-- partner        whom its handler asked, or was to ask, or ''
-- showed         what that showed: 'answered', 'failed', or 'waits' as it had no leave to ask
-- pause_ms, why  how long the partner wants no request, and how it failed
-- emits          how many there are, each with log: '1' to append it to the log; '2' the same, but it is only for the
--                case that the partner begins to fail for all, or answers again
--
-- Reply {latest for each delivery}: 1, or 2 in that case, or 0: it is no longer the latest, and nothing of it was done
--
--   done     the message is gone; its head moves, its events exist
--   again    head and events as for done; visible again after delay_ms with all its attempts. Its subject isn't decided
--   retry    spends an attempt; visible again after delay_ms
--   bury     becomes a dead letter; head and events as for done
--   release  given back unhandled; spends nothing; visible again after delay_ms; its reason is remembered once
--   throttle given back as there was no place at its partner; spends nothing. A claim that has a place gives it, before
--            those that are visible since later. A build that doesn't know this sees it a lease later
--
-- A partner that failed for so many subjects, one after the other, fails for all. Then a retry for its sake is a
-- release, and whoever waits for it comes back when it is its turn to probe. As soon as a probe is answered, all go on.
-- The failures of a batch come together, as no record is written for them; and those that took too long come last. So
-- a failure counts only if the partner has answered nothing since it was asked.
local queue, worker, guard_ms, retention_ms, cut_off = unpack(ARGV, 1, 5)
-- How many arguments each has. build.rs counts the names below.
local SETTLED, FINDING, EMIT = 13, 5, 5
-- After so many failures a partner fails for all. The first probe comes after so small a part of the lease, and the
-- pause doubles up to one. No message waits for its turn for more than so many leases.
local BREAKS_AT, FIRST_PAUSE, LONGEST_PARKED = 5, 32, 10
local due, body, states_key = key(queue, 'due'), key(queue, 'body'), key(queue, 'deliveries')
local parked, throttled, FIRST = key(queue, 'parked'), key(queue, 'throttled'), 6
local at, counts, reply, trimmed = FIRST, {}, {}, false
-- Written together in the end, because nothing before that reads it.
local finished, heads, decided, emitted, waiting = {}, {}, {}, {}, {states = {}, times = {}, since = {}}
local final, forgotten = {}, {}
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
  if log ~= '0' then append(id, payload) end
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

-- No timer for each: a worker that has places takes them soon, and the timer of its own lease comes if it dies.
local function throttle(id, deliveries, failures, crashes, since)
  if follow_ups then
    write_state(queue, id, deliveries, failures, crashes)
    if step_back(queue, id, now) then
      arm(queue, now + guard_ms, guard_ms)
      return
    end
  end
  local n = #waiting.times
  waiting.states[n + 1], waiting.states[n + 2] = id, format_state(deliveries, failures, crashes)
  waiting.times[n + 1], waiting.times[n + 2] = now + guard_ms, id
  waiting.since[n + 1], waiting.since[n + 2] = since, id
end

local partners, goes_on = {}, false

-- What a partner showed. Says whether it begins to fail for all, or answers again. While it fails for all, only the
-- probe counts: what was under way before says nothing of now.
local function learn(name, id, subject, deliveries, showed, pause_ms, why)
  local partner, turns = partners[name], false
  local is_open, is_probe = partner.since ~= nil, partner.probe == id and partner.delivery == deliveries
  if showed == 'answered' then
    goes_on = goes_on or is_probe or not is_open
    if not (is_open and is_probe) then return false end
    partner, turns = {failed = {}, answered = now}, true
  elseif is_open then
    if not is_probe then return false end
    partner.pause = math.min(2 * partner.pause, guard_ms)
    partner.next, partner.why = now + math.max(partner.pause, pause_ms), why
  else
    -- A refund leaves no trace of when it was asked for.
    local asked = id == subject and string.match(redis.call('HGET', ns .. ':asked', id) or '', '^%d+')
    if tonumber(asked or now) <= (partner.answered or 0) then return false end
    for _, other in ipairs(partner.failed) do
      if other == subject then return false end
    end
    table.insert(partner.failed, subject)
    if #partner.failed == BREAKS_AT then
      local pause = math.ceil(guard_ms / FIRST_PAUSE)
      partner, turns = {since = now, why = why, pause = pause, next = now + math.max(pause, pause_ms)}, true
    end
  end
  partners[name] = partner
  note_partner(name, partner)
  return turns
end

-- For how long a message waits for a partner. They come back one after the other, each to be the probe, and none is
-- away for long. What the partner asks of this message alone stands.
local function park(id, partner, pause_ms)
  local place = redis.call('ZCARD', parked)
  local wait_ms = math.max(partner.next - now, 0) + math.min(place * partner.pause, LONGEST_PARKED * guard_ms)
  if pause_ms > wait_ms then return pause_ms end
  redis.call('ZADD', parked, now, id)
  return wait_ms
end

-- Calls forward what waits for a partner that answers: some of it at each answer. Not what a worker has, which sees it
-- when it settles.
local function call_forward()
  local ids = redis.call('ZRANGE', parked, 0, MOST_ARGUMENTS / 2 - 1)
  if #ids == 0 then return end
  local times = {}
  for n, state in ipairs(values_of(states_key, ids)) do
    local _, _, _, holder = parse_state(state)
    if not holder then
      table.insert(times, now)
      table.insert(times, ids[n])
    end
  end
  if times[1] then redis.call('ZADD', due, 'XX', 'LT', unpack(times)) end
  call_with('ZREM', parked, ids)
  arm(queue, now, guard_ms)
end

-- It is never out at the same time as the message that clears it.
local function clear(subject)
  if redis.call('HEXISTS', body, subject) == 0 then return end
  if redis.call('ZREM', key(queue, 'dead'), subject) == 0 then remove(subject) end
  forget(queue, subject)
end

-- What is known of the messages, as this script goes on: one may come twice.
local ids, states, targets, letting_go, answering, is_any_final = {}, {}, {}, {}, {}, false
while at <= #ARGV do
  -- The id is the first of its arguments, stock the ninth, topic and ends the last. The last one of the finding is the
  -- number of emits.
  ids[#ids + 1] = ARGV[at]
  if ARGV[at + 8] ~= '' then letting_go[#letting_go + 1] = ARGV[at] end
  copies = copies or ARGV[at + 11] ~= ''
  is_any_final = is_any_final or ARGV[at + 12] == 'final'
  at = at + SETTLED
  if ARGV[at + 1] == 'answered' then answering[ARGV[at]] = true end
  at = at + FINDING
  for _ = 1, tonumber(ARGV[at - 1]) do
    targets[ARGV[at]] = true
    at = at + EMIT
  end
end

-- What was done must be told though Redis is full: it was charged, it was delivered.
local hashes, zsets = {ns .. ':head'}, {due, key(queue, 'dead'), parked, throttled}
for _, part in ipairs({'body', 'deliveries', 'history', 'why', 'subject', 'line'}) do
  hashes[#hashes + 1] = key(queue, part)
end
for _, part in ipairs({':asked', ':held', ':partners'}) do hashes[#hashes + 1] = ns .. part end
if letting_go[1] then
  for _, part in ipairs({':stock', ':stock:held'}) do hashes[#hashes + 1] = ns .. part end
end
local streams = {ns .. ':log'}
if is_any_final then streams[2] = ns .. ':final' end
check_waking(queue)
begin_even_if_full({'HDEL', 'HEXISTS', 'HGET', 'HINCRBY', 'HMGET', 'HSET', 'XADD', 'ZADD', 'ZCARD', 'ZRANGE', 'ZREM',
  'ZSCORE'},
  {hash = hashes, zset = zsets, stream = streams})
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
for name in pairs(answering) do
  local partner = partner_of(name)
  if not partner.since then
    partner = {failed = {}, answered = now}
    note_partner(name, partner)
  end
  partners[name] = partner
end

at = FIRST
while at <= #ARGV do
  local id, delivery, verdict, delay_ms, class, reason, head, counter, stock, since, clears, topic, ends = take(SETTLED)
  local partner, showed, pause_ms, why, emits = take(FINDING)
  local deliveries, failures, crashes, holder = parse_state(states[id])
  -- The fence. A settled delivery has no holder, a later one has another number.
  local latest = holder and deliveries == tonumber(delivery) and 1 or 0
  if latest == 1 then
    states[id] = false
    local subject = follow_ups and subject_of(queue, id) or id
    if partner ~= '' then
      pause_ms = tonumber(pause_ms)
      partners[partner] = partners[partner] or partner_of(partner)
      if showed ~= 'waits' and learn(partner, id, subject, deliveries, showed, pause_ms, why) then latest = 2 end
      if showed ~= 'answered' and (verdict == 'retry' or verdict == 'release') then
        if partners[partner].since then
          verdict, delay_ms = 'release', park(id, partners[partner], pause_ms)
        elseif showed == 'waits' then
          delay_ms = 0
        end
      end
    end
    if (verdict == 'retry' or verdict == 'bury') and class ~= 'crash' then
      if class == 'handler' then failures = failures + 1 end
      remember(queue, id, {delivery = deliveries, kind = class, reason = reason, worker = worker})
    end
    if verdict == 'release' and reason ~= '' then
      remember_given_back(queue, id, {delivery = deliveries, kind = 'handler', reason = reason, worker = worker})
    end
    if topic ~= '' then copy(id, topic) end
    if verdict == 'done' then finish(id)
    elseif verdict == 'bury' then bury(id, deliveries, failures, crashes, class, reason)
    elseif verdict == 'again' then postpone(id, deliveries, 0, 0, delay_ms)
    elseif verdict == 'throttle' then throttle(id, deliveries, failures, crashes, since)
    else postpone(id, deliveries, failures, crashes, delay_ms) end
    if head ~= '' then
      heads[#heads + 1], heads[#heads + 2] = subject, head
      if verdict ~= 'again' then decided[#decided + 1] = subject end
    end
    if counter ~= '' then count(counter) end
    if stock ~= '' then let_go(subject, stock == 'back') end
    if clears == '1' then clear(subject) end
    if ends == 'final' then final[#final + 1] = subject end
    if ends == 'forgotten' then forgotten[#forgotten + 1] = subject end
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
    if latest == 2 or (latest == 1 and log ~= '2') then emit(target, event, payload, log, tonumber(delay_ms)) end
  end
  reply[#reply + 1] = {latest}
end

call_with('ZREM', due, finished)
for _, part in ipairs({body, states_key, key(queue, 'history')}) do call_with('HDEL', part, finished) end
call_with('HSET', ns .. ':head', heads)
call_with('HDEL', ns .. ':head', forgotten)
if final[1] then redis.call('XADD', ns .. ':final', '*', 'subjects', cmsgpack.pack(final)) end
call_with('HDEL', ns .. ':asked', decided)
-- That it held once is of no use any more where it holds nothing.
local HELD_NOTHING, empty = cmsgpack.pack({}), {}
for n, held in ipairs(values_of(ns .. ':held', decided)) do
  if held == HELD_NOTHING then empty[#empty + 1] = decided[n] end
end
call_with('HDEL', ns .. ':held', empty)
if waiting.times[1] then
  call_with('HSET', states_key, waiting.states)
  call_with('ZADD', due, waiting.times)
  call_with('ZADD', throttled, waiting.since)
  arm(queue, now + guard_ms, guard_ms)
end
for target, sent in pairs(emitted) do
  call_with('HSET', key(target, 'body'), sent.bodies)
  call_with('ZADD', key(target, 'due'), sent.times)
end
if goes_on then call_forward() end
-- A counter that can't count must hold up no order.
for counter, n in pairs(counts) do redis.pcall('HINCRBY', ns .. ':totals', counter, n) end
return reply

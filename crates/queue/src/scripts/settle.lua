-- Settles deliveries: done, retry, bury or release, with all that follows from them, in one step.
--
-- ARGV  1 queue, 2 worker, 3 guard_ms, 4 log_retention_ms, then for each delivery:
--       id, delivery, verdict, delay_ms, class, reason, head or '', counter or '',
--       'back' or 'out' to let what the subject holds go back into stock or out of it, or '',
--       '1' to clear the dead letter of the subject's own message, number of emits,
--       and for each emit: queue, id, payload, '1' to append it to the log, delay_ms
-- Reply {1 or 0 for each delivery}; 0: it is no longer the latest, and nothing of it was done
--
--   done     the message is gone; its head moves, its events exist
--   retry    spends an attempt; visible again after delay_ms
--   bury     becomes a dead letter; head and events as for done
--   release  given back unhandled; spends nothing; visible again after delay_ms
local queue, worker, guard_ms, retention_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local due, body, deliveries = key(queue, 'due'), key(queue, 'body'), key(queue, 'deliveries')
local at, counts, reply, trimmed = 5, {}, {}, false
-- Written together in the end, because nothing before that reads it.
local finished, heads, emitted = {}, {}, {}
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
    redis.call('XADD', ns .. ':log', 'MINID', '~', now - retention_ms, '*', 'id', event, 'event', payload)
  end
end

local function emit(target, id, payload, log, delay_ms)
  local sent = emitted[target]
  if not sent then
    sent = {bodies = {}, times = {}}
    emitted[target] = sent
    note_lane(target)
    -- The writer wakes the reader itself; this is for the case that it dies first.
    arm(target, now + math.max(guard_ms, delay_ms), guard_ms)
  end
  local n = #sent.times
  sent.bodies[n + 1], sent.bodies[n + 2] = id, payload
  sent.times[n + 1], sent.times[n + 2] = now + delay_ms, id
  if log == '1' then append(id, payload) end
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

local function bury(id, d, f, c, class, reason)
  remove(id)
  redis.call('ZADD', key(queue, 'dead'), now, id)
  write_state(queue, id, d, f, c)
  local why = {class = class, reason = reason, deliveries = d, failures = f, crashes = c}
  redis.call('HSET', key(queue, 'why'), id, cjson.encode(why))
end

local function postpone(id, d, f, c, delay_ms)
  write_state(queue, id, d, f, c)
  redis.call('ZADD', due, now + delay_ms, id)
  arm(queue, now + delay_ms, guard_ms)
end

-- What is known of the messages, as this script goes on: one may come twice.
local ids, states = {}, {}
while at <= #ARGV do
  ids[#ids + 1] = ARGV[at]
  at = at + 11 + 5 * ARGV[at + 10]
end
for n, state in ipairs(values_of(deliveries, ids)) do states[ids[n]] = state end

at = 5
while at <= #ARGV do
  local id, delivery, verdict, delay_ms, class, reason, head, counter, stock, clears, emits = take(11)
  local d, f, c, holder = parse_state(states[id])
  -- The fence. A settled delivery has no holder, a later one has another number.
  local latest = holder and d == tonumber(delivery)
  if latest then
    states[id] = false
    if (verdict == 'retry' or verdict == 'bury') and class ~= 'crash' then
      if class == 'handler' then f = f + 1 end
      remember(queue, id, {delivery = d, kind = class, reason = reason, worker = worker})
    end
    local subject = follow_ups and subject_of(queue, id) or id
    if verdict == 'done' then finish(id)
    elseif verdict == 'bury' then bury(id, d, f, c, class, reason)
    else postpone(id, d, f, c, delay_ms) end
    if head ~= '' then heads[#heads + 1], heads[#heads + 2] = subject, head end
    if counter ~= '' then count(counter) end
    if stock ~= '' then let_go(subject, stock == 'back') end
    if clears == '1' and redis.call('ZREM', key(queue, 'dead'), subject) == 1 then forget(queue, subject) end
    count(queue .. ':' .. verdict)
  else
    count(queue .. ':late')
  end
  for _ = 1, tonumber(emits) do
    local target, event, payload, log, delay_ms = take(5)
    if latest then emit(target, event, payload, log, tonumber(delay_ms)) end
  end
  reply[#reply + 1] = latest and 1 or 0
end

call_with('ZREM', due, finished)
for _, part in ipairs({body, deliveries, key(queue, 'history')}) do call_with('HDEL', part, finished) end
call_with('HSET', ns .. ':head', heads)
for target, sent in pairs(emitted) do
  call_with('HSET', key(target, 'body'), sent.bodies)
  call_with('ZADD', key(target, 'due'), sent.times)
end
for counter, n in pairs(counts) do redis.call('HINCRBY', ns .. ':totals', counter, n) end
return reply

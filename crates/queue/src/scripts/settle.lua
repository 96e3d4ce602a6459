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
local at, counts, woken, reply = 5, {}, {}, {}
local follow_ups = redis.call('EXISTS', key(queue, 'subject'), key(queue, 'line')) > 0

local function take(n)
  at = at + n
  return unpack(ARGV, at - n, at - 1)
end

local function count(counter) counts[counter] = (counts[counter] or 0) + 1 end

local function emit(target, id, payload, log, delay_ms)
  redis.call('HSET', key(target, 'body'), id, payload)
  redis.call('ZADD', key(target, 'due'), now + delay_ms, id)
  if log == '1' then
    redis.call('XADD', ns .. ':log', 'MINID', '~', now - retention_ms, '*', 'id', id, 'event', payload)
  end
  if not woken[target] then
    woken[target] = true
    note_lane(target)
    -- The writer wakes the reader itself; this is for the case that it dies first.
    arm(target, now + math.max(guard_ms, delay_ms), guard_ms)
  end
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
  remove(id)
  if follow_ups then return forget(queue, id) end
  redis.call('HDEL', body, id)
  redis.call('HDEL', deliveries, id)
  redis.call('HDEL', key(queue, 'history'), id)
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

while at <= #ARGV do
  local id, delivery, verdict, delay_ms, class, reason, head, counter, stock, clears, emits = take(11)
  local d, f, c, holder = read_state(queue, id)
  -- The fence. A settled delivery has no holder, a later one has another number.
  local latest = holder and d == tonumber(delivery)
  if latest then
    if (verdict == 'retry' or verdict == 'bury') and class ~= 'crash' then
      if class == 'handler' then f = f + 1 end
      remember(queue, id, {delivery = d, kind = class, reason = reason, worker = worker})
    end
    local subject = follow_ups and subject_of(queue, id) or id
    if verdict == 'done' then finish(id)
    elseif verdict == 'bury' then bury(id, d, f, c, class, reason)
    else postpone(id, d, f, c, delay_ms) end
    if head ~= '' then redis.call('HSET', ns .. ':head', subject, head) end
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

for counter, n in pairs(counts) do redis.call('HINCRBY', ns .. ':totals', counter, n) end
return reply

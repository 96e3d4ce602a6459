-- Revives a queue whose wake was missed: rings for what is visible, arms the timer for what will be, lanes included.
-- Whoever asks again within `most_often_ms` changes nothing.
--
-- Reply {clock, apart_ms, is_news}: whether Redis's clock is 'behind' queue time or 'ahead' of it, since it was set, or
--       'level' with it; is_news is 1 for the first who is told
--
-- Also writes, so that a Redis that takes no writes shows itself here.
local queue, bell_ms, guard_ms, most_often_ms = unpack(ARGV, 1, 4)
local clock, apart_ms, is_news, rearmed = 'level', math.abs(ahead), 0, key(queue, 'rearmed')
if apart_ms > NOTICED_MS then clock = ahead > 0 and 'behind' or 'ahead' end
local before = tonumber(redis.call('GET', rearmed) or nil)
if before and now - before < tonumber(most_often_ms) then
  -- Refused where writes are, but nothing that goes to disk: the key is there.
  redis.call('SETNX', rearmed, now)
  return {clock, apart_ms, is_news}
end

local visible, lanes, dues = 0, lanes_of(queue), {}
lanes[#lanes + 1] = queue
for at, lane in ipairs(lanes) do dues[at] = key(lane, 'due') end
check_waking(queue)
check_rights({'HGET', ns .. ':clocks', 'HSET', ns .. ':clocks'})
begin({'DEL', 'ZCOUNT', 'ZRANGE'}, {zset = dues})
redis.call('SET', rearmed, now)
if clock ~= 'level' and redis.call('HGET', ns .. ':clocks', 'told') ~= '1' then
  redis.call('HSET', ns .. ':clocks', 'told', '1')
  is_news = 1
end
for _, lane in ipairs(lanes) do
  visible = visible + redis.call('ZCOUNT', key(lane, 'due'), '-inf', now) + redis.call('ZCARD', key(lane, 'throttled'))
  arm_earliest(lane, guard_ms)
end
if visible > 0 then
  -- That a bell is ringing does not say that anybody is there to hear it.
  redis.call('DEL', key(queue, 'bell'))
  ring(queue, bell_ms, guard_ms)
end
return {clock, apart_ms, is_news}

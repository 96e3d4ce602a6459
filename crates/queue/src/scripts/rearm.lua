-- Revives a queue whose wake was missed: rings for what is visible, arms the timer for what will be, lanes included.
--
-- Reply {visible messages}
-- Also writes, so that a Redis that takes no writes shows itself here.
local queue, bell_ms, guard_ms = unpack(ARGV, 1, 3)
local visible, lanes, dues = 0, lanes_of(queue), {}
lanes[#lanes + 1] = queue
for at, lane in ipairs(lanes) do dues[at] = key(lane, 'due') end
check_waking(queue)
begin({'DEL', 'ZCOUNT', 'ZRANGE'}, {zset = dues})
redis.call('SET', ns .. ':rearmed', now)
for _, lane in ipairs(lanes) do
  visible = visible + redis.call('ZCOUNT', key(lane, 'due'), '-inf', now)
  arm_earliest(lane, guard_ms)
end
if visible > 0 then
  -- That a bell is ringing does not say that anybody is there to hear it.
  redis.call('DEL', key(queue, 'bell'))
  ring(queue, bell_ms, guard_ms)
end
return {visible}

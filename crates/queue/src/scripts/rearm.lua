-- Revives a queue whose wake was missed: rings for what is visible, arms the timer for what will be.
--
-- ARGV  1 bell_ms, 2 guard_ms, then queues
-- Reply {visible messages for each queue, its lanes included}
-- Also writes, so that a Redis that is full or read-only shows itself here.
redis.call('SET', ns .. ':rearmed', now)
local reply = {}
for at = 3, #ARGV do
  local queue, visible = ARGV[at], 0
  local lanes = redis.call('SMEMBERS', key(queue, 'lanes'))
  lanes[#lanes + 1] = queue
  for _, lane in ipairs(lanes) do
    visible = visible + redis.call('ZCOUNT', key(lane, 'due'), '-inf', now)
    arm_earliest(lane, ARGV[2])
  end
  if visible > 0 then
    -- That a bell is ringing does not say that anybody is there to hear it.
    redis.call('DEL', key(queue, 'bell'))
    ring(queue, ARGV[1], ARGV[2])
  end
  reply[#reply + 1] = visible
end
return reply

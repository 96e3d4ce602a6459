-- Revives a queue whose wake was missed: rings for what is visible, arms the timer for what will be.
--
-- ARGV  1 bell_ms, 2 guard_ms, then queues
-- Reply {visible messages for each queue, its lanes included}
local reply = {}
for at = 3, #ARGV do
  local queue, visible = ARGV[at], 0
  local lanes = redis.call('SMEMBERS', key(queue, 'lanes'))
  lanes[#lanes + 1] = queue
  for _, lane in ipairs(lanes) do
    local due = key(lane, 'due')
    visible = visible + redis.call('ZCOUNT', due, '-inf', now)
    local next = redis.call('ZRANGE', due, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    if next[2] then arm(queue, tonumber(next[2])) end
  end
  if visible > 0 then ring(queue, ARGV[1], ARGV[2]) end
  reply[#reply + 1] = visible
end
return reply

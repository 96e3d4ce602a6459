-- Sends dead letters back into their queue with new attempts. Delivery numbers go on: they are the fence.
--
-- ARGV  1 queue, 2 bell_ms, 3 guard_ms, then ids
-- Reply {1 or 0 for each}; 0: it is no dead letter (any more)
local queue = ARGV[1]
local reply, sent = {}, false
for at = 4, #ARGV do
  local id = ARGV[at]
  local dead = redis.call('ZSCORE', key(queue, 'dead'), id)
  if dead then
    revive(queue, id, now)
    sent = true
  end
  reply[#reply + 1] = dead and 1 or 0
end
if sent then ring(queue, ARGV[2], ARGV[3]) end
return reply

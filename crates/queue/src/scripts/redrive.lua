-- Sends dead letters back into their queue with new attempts. Delivery numbers go on: they are the fence.
--
-- ARGV  1 queue, 2 bell_ms, 3 guard_ms, then ids
-- Reply {1 or 0 for each}; 0: it is no dead letter (any more)
local queue = ARGV[1]
local reply, sent = {}, false
for at = 4, #ARGV do
  local id = ARGV[at]
  local dead = redis.call('ZREM', key(queue, 'dead'), id) == 1
  if dead then
    local d = read_state(queue, id)
    write_state(queue, id, d, 0, 0)
    redis.call('HDEL', key(queue, 'why'), id)
    redis.call('ZADD', key(queue, 'due'), now, id)
    sent = true
  end
  reply[#reply + 1] = dead and 1 or 0
end
if sent then ring(queue, ARGV[2], ARGV[3]) end
return reply

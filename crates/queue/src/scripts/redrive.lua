-- Sends dead letters back into their queue with new attempts. Delivery numbers go on: they are the fence.
--
-- Reply {was_dead for each id}: 1, or 0: it is no dead letter (any more)
local queue, bell_ms, guard_ms = unpack(ARGV, 1, 3)
local reply, sent = {}, false
check_waking(queue)
begin({'HDEL', 'HGET', 'HSET', 'ZADD', 'ZRANGE', 'ZREM', 'ZSCORE'}, {
  hash = {key(queue, 'deliveries'), key(queue, 'why'), key(queue, 'subject'), key(queue, 'line')},
  zset = {key(queue, 'due'), key(queue, 'dead')},
})
for at = 4, #ARGV do
  local id = unpack(ARGV, at, at)
  local was_dead = redis.call('ZSCORE', key(queue, 'dead'), id) and 1 or 0
  if was_dead == 1 then
    revive(queue, id, now)
    sent = true
  end
  reply[#reply + 1] = {was_dead}
end
if sent then ring(queue, bell_ms, guard_ms) end
return reply

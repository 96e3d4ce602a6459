-- Renews the leases of deliveries that take long, or whose worker learned of them late.
--
-- Reply {renewed for each delivery}: 1, or 0: the lease was lost, and another worker has the message or may have it
-- soon
local queue, lease_ms = unpack(ARGV, 1, 2)
check_waking(queue)
begin_even_if_full({'HGET', 'HSET', 'ZADD'}, {hash = {key(queue, 'deliveries')}, zset = {key(queue, 'due')}})
local reply = {}
for at = 3, #ARGV, 2 do
  local id, delivery = unpack(ARGV, at, at + 1)
  local deliveries, failures, crashes, holder = read_state(queue, id)
  local renewed = holder and deliveries == tonumber(delivery) and 1 or 0
  if renewed == 1 then
    if not is_known(holder) then
      write_state(queue, id, deliveries, failures, crashes, string.sub(holder, 1, -2))
    end
    redis.call('ZADD', key(queue, 'due'), now + lease_ms, id)
    -- That of the first lease may be over already.
    arm(queue, now + lease_ms, lease_ms)
  end
  reply[#reply + 1] = {renewed}
end
return reply

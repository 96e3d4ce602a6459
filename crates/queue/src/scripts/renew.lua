-- Renews the leases of deliveries that take long.
--
-- ARGV  1 queue, 2 lease_ms, then for each delivery: id, delivery
-- Reply {1 or 0 for each}; 0: the lease was lost, and another worker has the message or may have it soon
local queue, lease_ms = ARGV[1], ARGV[2]
local reply = {}
for at = 3, #ARGV, 2 do
  local id, delivery = ARGV[at], tonumber(ARGV[at + 1])
  local d, _, _, holder = read_state(queue, id)
  local latest = holder and d == delivery
  if latest then
    redis.call('ZADD', key(queue, 'due'), now + lease_ms, id)
    -- That of the first lease may be over already.
    arm(queue, now + lease_ms, lease_ms)
  end
  reply[#reply + 1] = latest and 1 or 0
end
return reply

-- Wakes a worker, for what a busy one leaves behind.
--
-- Reply {}
local queue, bell_ms, guard_ms = unpack(ARGV, 1, 3)
check_waking(queue)
begin({'HSET'}, {})
ring(queue, bell_ms, guard_ms)
return {}

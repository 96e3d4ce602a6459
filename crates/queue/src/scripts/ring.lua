-- Wakes a worker, for what a busy one leaves behind.
--
-- ARGV  1 queue, 2 bell_ms, 3 guard_ms
-- Reply {}
ring(ARGV[1], ARGV[2], ARGV[3])
return {}

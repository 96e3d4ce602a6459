-- Says how many units of an item are left, and tracks it from now on.
--
-- ARGV  1 item, 2 units
-- Reply {units left, units held}
redis.call('HSET', ns .. ':stock', ARGV[1], ARGV[2])
return {tonumber(ARGV[2]), tonumber(redis.call('HGET', ns .. ':stock:held', ARGV[1]) or 0)}

-- Says how many units of an item are left, and tracks it from now on.
--
-- Reply {left, held}
local item, left = unpack(ARGV, 1, 2)
redis.call('HSET', ns .. ':stock', item, left)
left = tonumber(left)
local held = tonumber(redis.call('HGET', ns .. ':stock:held', item) or 0)
return {left, held}

-- Says how many units of an item are left, and tracks it from now on.
--
-- Reply {left, held}
local item, left = unpack(ARGV, 1, 2)
begin({'HSET'}, {hash = {ns .. ':stock', ns .. ':stock:held'}})
local held = redis.call('HGET', ns .. ':stock:held', item)
check_sum(ns .. ':stock:held', item, held, 0)
redis.call('HSET', ns .. ':stock', item, left)
held, left = tonumber(held or 0), tonumber(left)
return {left, held}

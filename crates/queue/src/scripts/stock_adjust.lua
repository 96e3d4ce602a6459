-- Adds units to what is left of an item, or takes some away, but never more than are left.
--
-- by  units, negative to take away
--
-- Reply {'adjusted', left, held}
--       {'short', left, held}  nothing was done
--       {'untracked'}
local item, by = unpack(ARGV, 1, 2)
begin({'HINCRBY'}, {hash = {ns .. ':stock', ns .. ':stock:held'}})
local left = redis.call('HGET', ns .. ':stock', item)
check_sum(ns .. ':stock', item, left, by)
left = tonumber(left or nil)
if not left then return {'untracked'} end
local held = redis.call('HGET', ns .. ':stock:held', item)
check_sum(ns .. ':stock:held', item, held, 0)
held = tonumber(held or 0)
if left + by < 0 then return {'short', left, held} end
left = redis.call('HINCRBY', ns .. ':stock', item, by)
return {'adjusted', left, held}

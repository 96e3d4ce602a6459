-- Adds units to what is left of an item, or takes some away, but never more than are left.
--
-- by  units, negative to take away
--
-- Reply {'adjusted', left, held}
--       {'short', left, held}  nothing was done
--       {'untracked'}
local item, by = unpack(ARGV, 1, 2)
local left = tonumber(redis.call('HGET', ns .. ':stock', item) or nil)
if not left then return {'untracked'} end
local held = tonumber(redis.call('HGET', ns .. ':stock:held', item) or 0)
if left + by < 0 then return {'short', left, held} end
left = redis.call('HINCRBY', ns .. ':stock', item, by)
return {'adjusted', left, held}

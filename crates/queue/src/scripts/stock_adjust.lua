-- Adds units to what is left of an item, or takes some away, but never more than are left.
--
-- ARGV  1 item, 2 units, negative to take away
-- Reply {'adjusted', units left, units held}
--       {'short', units left, units held}  nothing was done
--       {'untracked'}
local left = tonumber(redis.call('HGET', ns .. ':stock', ARGV[1]) or nil)
if not left then return {'untracked'} end
local held = tonumber(redis.call('HGET', ns .. ':stock:held', ARGV[1]) or 0)
if left + ARGV[2] < 0 then return {'short', left, held} end
return {'adjusted', redis.call('HINCRBY', ns .. ':stock', ARGV[1], ARGV[2]), held}

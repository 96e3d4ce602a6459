-- Reads the stock of one item.
--
-- Reply {left, held}, or {} where it is not tracked
local item = unpack(ARGV, 1, 1)
local left = tonumber(redis.call('HGET', ns .. ':stock', item) or nil)
if not left then return {} end
local held = tonumber(redis.call('HGET', ns .. ':stock:held', item) or 0)
return {left, held}

-- Reads the stock of one item.
--
-- ARGV  1 item
-- Reply {units left, units held}, or {} where it is not tracked
local left = redis.call('HGET', ns .. ':stock', ARGV[1])
if not left then return {} end
return {tonumber(left), tonumber(redis.call('HGET', ns .. ':stock:held', ARGV[1]) or 0)}

-- Lists tracked items, a page at a time. An item may come twice, as with every scan.
--
-- ARGV  1 cursor, '0' to begin
-- Reply {next cursor or '0' at the end, then for each item: item, units left, units held}
local page = redis.call('HSCAN', ns .. ':stock', ARGV[1], 'COUNT', 500)
local reply = {page[1]}
for at = 1, #page[2], 2 do
  local item, n = page[2][at], #reply
  reply[n + 1], reply[n + 2] = item, tonumber(page[2][at + 1])
  reply[n + 3] = tonumber(redis.call('HGET', ns .. ':stock:held', item) or 0)
end
return reply

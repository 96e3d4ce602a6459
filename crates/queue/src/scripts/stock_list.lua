-- Lists tracked items, a page at a time. An item may come twice, as with every scan.
--
-- cursor  '0' to begin, and in the reply at the end
--
-- Reply {cursor for the next page, then for each item: item, left, held}
local cursor = unpack(ARGV, 1, 1)
local page = redis.call('HSCAN', ns .. ':stock', cursor, 'COUNT', 500)
local entries
cursor, entries = page[1], page[2]
local reply = {cursor}
for at = 1, #entries, 2 do
  local item, left = entries[at], tonumber(entries[at + 1])
  local held = tonumber(redis.call('HGET', ns .. ':stock:held', item) or 0)
  reply[#reply + 1] = {item, left, held}
end
return reply

-- Takes units out of stock for a message that is its own subject: all that it wants, or none. Asked again, it takes no
-- more.
--
-- ARGV  1 queue, 2 message id, 3 delivery, 4 '1' to refuse items that are not tracked, then items and units
-- Reply {'held'}
--       {'recalled'}  this is its first delivery, and a follow-up waits that recalls it
--       {'late'}  the delivery is no longer the latest: whoever has the message now decides
--       {'short', then for each item that is short: item, units wanted, units left}
local queue, id = ARGV[1], ARGV[2]
local d, _, _, holder = read_state(queue, id)
if not holder or d ~= tonumber(ARGV[3]) then return {'late'} end
if redis.call('HEXISTS', ns .. ':held', id) == 1 then return {'held'} end
if d == 1 then
  -- An earlier delivery may have done more than to hold stock.
  for _, waiting in ipairs(line_of(queue, id)) do
    local subject = redis.call('HGET', key(queue, 'subject'), waiting)
    if subject and string.sub(subject, 1, 1) == '!' then return {'recalled'} end
  end
end

local lines, short = {}, {'short'}
for at = 5, #ARGV, 2 do
  local item, units = ARGV[at], tonumber(ARGV[at + 1])
  local left = tonumber(redis.call('HGET', ns .. ':stock', item) or nil)
  local refused = not left and ARGV[4] == '1'
  if refused or (left and left < units) then
    local n = #short
    short[n + 1], short[n + 2], short[n + 3] = item, units, left or 0
  elseif left then
    lines[#lines + 1] = {item, units}
  end
end
if #short > 1 then return short end

for _, line in ipairs(lines) do
  redis.call('HINCRBY', ns .. ':stock', line[1], -line[2])
  redis.call('HINCRBY', ns .. ':stock:held', line[1], line[2])
end
if #lines > 0 then redis.call('HSET', ns .. ':held', id, cmsgpack.pack(lines)) end
return {'held'}

-- Takes units out of stock for a message that is its own subject: all that it wants, or none. Asked again, it takes no
-- more.
--
-- untracked  'allow' or 'reject': whether items that are not tracked can be had
--
-- Reply {'held'}
--       {'recalled'}  this is its first delivery, and a follow-up waits that recalls it
--       {'late'}  the delivery is no longer the latest: whoever has the message now decides
--       {'short', then for each item that is short: item, units wanted, units left}
local queue, id, delivery, untracked = unpack(ARGV, 1, 4)
local deliveries, _, _, holder = read_state(queue, id)
if not holder or deliveries ~= tonumber(delivery) then return {'late'} end
if redis.call('HEXISTS', ns .. ':held', id) == 1 then return {'held'} end
if deliveries == 1 then
  -- An earlier delivery may have done more than to hold stock.
  for _, waiting in ipairs(line_of(queue, id)) do
    local subject = redis.call('HGET', key(queue, 'subject'), waiting)
    if subject and string.sub(subject, 1, 1) == '!' then return {'recalled'} end
  end
end

local stock, held = ns .. ':stock', ns .. ':stock:held'
check_rights({'HINCRBY', stock, 'HINCRBY', held, 'HSET', ns .. ':held'})
local lines = {}
local reply = {'short'}
for at = 5, #ARGV, 2 do
  local item, units = unpack(ARGV, at, at + 1)
  units = tonumber(units)
  local value = redis.call('HGET', stock, item)
  check_sum(stock, item, value, -units)
  local left = tonumber(value or nil)
  local is_tracked = left ~= nil
  if not is_tracked and untracked == 'reject' then left = 0 end
  if left and left < units then
    reply[#reply + 1] = {item, units, left}
  elseif is_tracked then
    check_sum(held, item, redis.call('HGET', held, item), units)
    lines[#lines + 1] = {item, units}
  end
end
if #reply > 1 then return reply end

for _, line in ipairs(lines) do
  redis.call('HINCRBY', stock, line[1], -line[2])
  redis.call('HINCRBY', held, line[1], line[2])
end
if #lines > 0 then redis.call('HSET', ns .. ':held', id, cmsgpack.pack(lines)) end
return {'held'}

-- Takes units out of stock for a message that is its own subject: all that it wants, or none. Asked again, it takes no
-- more.
--
-- untracked  'allow' or 'reject': whether items that are not tracked can be had
-- recall     the id of the message that would recall it
-- asks       whom its handler asks next for what can't be undone, or '' for nobody
-- refuses    '1' if its handler asks that also when it is short: then it stays short
--
-- Reply {'held', first, leave}  first: 1 if no earlier delivery may have asked anybody, or else 0; then leave to
--                     ask whom it asks, as `leave_to_ask` gives it
--       {'recalled'}  the message that recalls it waits, and goes first if this one is given back
--       {'buried'}    the message that recalls it is a dead letter, or was one and was discarded
--       {'asked', whom}  an earlier delivery asked somebody else
--       {'late'}  the delivery is no longer the latest: whoever has the message now decides
--       {'short', first, then for each item that is short: item, units wanted, units left}
local queue, id, delivery, untracked, recall, asks, refuses = unpack(ARGV, 1, 7)
local deliveries, _, _, holder = read_state(queue, id)
if not holder or deliveries ~= tonumber(delivery) then return {'late'} end
if redis.call('HEXISTS', key(queue, 'body'), recall) == 1 then
  if redis.call('ZSCORE', key(queue, 'dead'), recall) then return {'buried'} end
  return {'recalled'}
end
-- What was handed out and discarded may have undone already what is asked for next.
if asks ~= '' and read_state(queue, recall) > 0 then return {'buried'} end
local asked = redis.call('HGET', ns .. ':asked', id)
local whom, was_short = asks, ''
if asked then whom, was_short = string.match(asked, ' (%S*)(.*)$') end
if whom ~= asks and whom ~= '' then return {'asked', whom} end
local first = (not asked or whom == '') and 1 or 0

local function held()
  local leave = FREE
  -- Whoever also asks when it is short asks nobody now.
  if asks ~= '' and refuses ~= '1' then leave = leave_to_ask(queue, id, delivery, asks) end
  -- The first delivery knows that nobody was asked. Later ones must be told, as release 0.1 kept no trace of asking.
  local nobody = first == 1 and (asked or deliveries == 1)
  if leave ~= WAITS then
    if asks ~= '' then redis.call('HSET', ns .. ':asked', id, now .. ' ' .. asks .. (nobody and ' new' or '')) end
  elseif nobody then
    redis.call('HSET', ns .. ':asked', id, now .. ' ')
  end
  return {'held', first, leave}
end

local stock, stock_held = ns .. ':stock', ns .. ':stock:held'
begin({'HINCRBY', 'HSET', 'ZSCORE'}, {
  hash = {stock, stock_held, ns .. ':held', ns .. ':asked', ns .. ':partners'}, zset = {key(queue, 'due')},
})
if redis.call('HEXISTS', ns .. ':held', id) == 1 then return held() end

local lines = {}
local reply = {'short', first}
for at = 8, #ARGV, 2 do
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
    check_sum(stock_held, item, redis.call('HGET', stock_held, item), units)
    lines[#lines + 1] = {item, units}
  end
end
if #reply > 2 or was_short == ' short' then
  if refuses == '1' then redis.call('HSET', ns .. ':asked', id, now .. ' ' .. asks .. ' short') end
  return reply
end

for _, line in ipairs(lines) do
  redis.call('HINCRBY', stock, line[1], -line[2])
  redis.call('HINCRBY', stock_held, line[1], line[2])
end
redis.call('HSET', ns .. ':held', id, cmsgpack.pack(lines))
return held()

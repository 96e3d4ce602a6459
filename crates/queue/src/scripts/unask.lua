-- Takes back that a message's handler asked somebody for what can't be undone, since it asked nobody. Does nothing for
-- a delivery that is no longer the latest.
local queue, id, delivery = unpack(ARGV, 1, 3)
local deliveries, _, _, holder = read_state(queue, id)
if not holder or deliveries ~= tonumber(delivery) then return {} end
begin_even_if_full({'HDEL', 'HSET'}, {hash = {ns .. ':asked'}})
if string.find(redis.call('HGET', ns .. ':asked', id) or '', ' %S+ new$') then
  redis.call('HSET', ns .. ':asked', id, now .. ' ')
else
  redis.call('HDEL', ns .. ':asked', id)
end
return {}

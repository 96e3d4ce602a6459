-- Gives a message another payload, if it is still there.
local queue, id, payload = unpack(ARGV, 1, 3)
local body = key(queue, 'body')
if redis.call('HEXISTS', body, id) == 0 then return {} end
begin_even_if_full({'HSET'}, {hash = {body}})
redis.call('HSET', body, id, payload)
return {}

-- Gives a message another payload, if it is still there.
--
-- Reply {is_there}
local queue, id, payload = unpack(ARGV, 1, 3)
local body = key(queue, 'body')
local is_there = redis.call('HEXISTS', body, id)
if is_there == 0 then return {is_there} end
begin_even_if_full({'HSET'}, {hash = {body}})
redis.call('HSET', body, id, payload)
return {is_there}

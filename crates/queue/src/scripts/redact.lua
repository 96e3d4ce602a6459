-- Takes what a machine or a partner said out of what is kept of a discarded message, and notes when.
--
-- Reply {is_there}: 0 if no such message was discarded
local queue, id = unpack(ARGV, 1, 2)
local discarded = key(queue, 'discarded')
local record = decoded(cjson.decode, redis.call('HGET', discarded, id) or '')
local is_there = record and 1 or 0
if not record then return {is_there} end
begin_even_if_full({'HSET'}, {hash = {discarded}})
record.reason, record.redacted = '', record.redacted or now
redis.call('HSET', discarded, id, cjson.encode(record))
return {is_there}

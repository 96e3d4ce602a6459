-- Gives a dead letter up for good and what its subject holds back, and keeps who did it and why.
--
-- ARGV  1 queue, 2 message id, 3 by, 4 why
-- Reply {1}, or {0}: it is no dead letter (any more)
local queue, id = ARGV[1], ARGV[2]
if redis.call('ZREM', key(queue, 'dead'), id) == 0 then return {0} end
local record = cjson.decode(redis.call('HGET', key(queue, 'why'), id) or '{}')
record.at, record.by, record.why = now, ARGV[3], ARGV[4]
redis.call('HSET', key(queue, 'discarded'), id, cjson.encode(record))
for _, part in ipairs({'why', 'body', 'deliveries', 'history'}) do redis.call('HDEL', key(queue, part), id) end
give_back(id)
return {1}

-- Gives a dead letter up for good, and keeps who did it and why. Of a subject's own message, gives back what it holds.
--
-- ARGV  1 queue, 2 message id, 3 by, 4 why
-- Reply {1}, or {0}: it is no dead letter (any more)
local queue, id = ARGV[1], ARGV[2]
if redis.call('ZREM', key(queue, 'dead'), id) == 0 then return {0} end
local record = cjson.decode(redis.call('HGET', key(queue, 'why'), id) or '{}')
record.at, record.by, record.why = now, ARGV[3], ARGV[4]
redis.call('HSET', key(queue, 'discarded'), id, cjson.encode(record))
if subject_of(queue, id) == id then let_go(id, true) end
-- A follow-up may be accepted under this id again, and delivery numbers only grow.
local deliveries = subject_of(queue, id) ~= id and redis.call('HGET', key(queue, 'deliveries'), id)
forget(queue, id)
if deliveries then redis.call('HSET', key(queue, 'deliveries'), id, deliveries) end
return {1}

-- Gives a dead letter up for good, and keeps who did it and why. Of a subject's own message, gives back what it holds.
--
-- Reply {was_dead}: 1, or 0: it is no dead letter (any more)
local queue, id, by, why = unpack(ARGV, 1, 4)
local was_dead = redis.call('ZREM', key(queue, 'dead'), id)
if was_dead == 0 then return {was_dead} end
local record = cjson.decode(redis.call('HGET', key(queue, 'why'), id) or '{}')
record.at, record.by, record.why = now, by, why
redis.call('HSET', key(queue, 'discarded'), id, cjson.encode(record))
local is_follow_up = subject_of(queue, id) ~= id
if not is_follow_up then let_go(id, true) end
-- A follow-up may be accepted under this id again, and delivery numbers only grow.
local deliveries = is_follow_up and redis.call('HGET', key(queue, 'deliveries'), id)
forget(queue, id)
if deliveries then redis.call('HSET', key(queue, 'deliveries'), id, deliveries) end
return {was_dead}

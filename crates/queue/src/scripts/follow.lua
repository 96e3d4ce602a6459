-- Accepts a follow-up: a later message about the subject of an earlier one. It is delivered when all that were accepted
-- before it are done or dead, whatever retries they need.
--
-- recalls  '1' if what it follows need not be carried out any more
--
-- Reply {'accepted'}
--       {'waiting'}  it is in the queue already, with the payload of the first time
--       {'dead'}     it is among the dead letters
local queue, bell_ms, guard_ms, id, subject, payload, recalls = unpack(ARGV, 1, 7)
if redis.call('ZSCORE', key(queue, 'dead'), id) then return {'dead'} end
if redis.call('HEXISTS', key(queue, 'body'), id) == 1 then return {'waiting'} end

check_waking(queue)
begin({'HDEL', 'HGET', 'HSET', 'ZADD', 'ZREM', 'ZSCORE'}, {
  hash = {key(queue, 'deliveries'), key(queue, 'body'), key(queue, 'subject'), key(queue, 'line')},
  zset = {key(queue, 'due')},
})
note_lane(queue)
local deliveries = read_state(queue, id)
if deliveries > 0 then write_state(queue, id, deliveries, 0, 0) end
redis.call('HSET', key(queue, 'body'), id, payload)
redis.call('HSET', key(queue, 'subject'), id, (recalls == '1' and '!' or '.') .. subject)
enter(queue, id, now)
ring(queue, bell_ms, guard_ms)
return {'accepted'}

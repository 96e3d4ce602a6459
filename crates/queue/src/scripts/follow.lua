-- Accepts a follow-up: a later message about the subject of an earlier one. It is delivered when all that were accepted
-- before it are done or dead, whatever retries they need.
--
-- ARGV  1 queue, 2 message id, 3 subject, 4 payload, 5 '1' if it recalls what is still unhandled, 6 bell_ms, 7 guard_ms
-- Reply {'accepted'}
--       {'waiting'}  it is in the queue already, with the payload of the first time
--       {'dead'}     it is among the dead letters
local queue, id, subject = ARGV[1], ARGV[2], ARGV[3]
if redis.call('ZSCORE', key(queue, 'dead'), id) then return {'dead'} end
if redis.call('HEXISTS', key(queue, 'body'), id) == 1 then return {'waiting'} end

note_lane(queue)
local deliveries = read_state(queue, id)
if deliveries > 0 then write_state(queue, id, deliveries, 0, 0) end
redis.call('HSET', key(queue, 'body'), id, ARGV[4])
redis.call('HSET', key(queue, 'subject'), id, (ARGV[5] == '1' and '!' or '.') .. subject)
enter(queue, id, now)
ring(queue, ARGV[6], ARGV[7])
return {'accepted'}

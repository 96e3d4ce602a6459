-- Sends a follow-up that is a dead letter back with an addition to its payload. Or sends one for its subject, whose own
-- message is a dead letter.
--
-- letter    the dead letter: the follow-up or its subject
-- opening   a payload that begins so is kept but for its last byte, and any other one is replaced by this
-- mark      where an earlier addition begins, which is replaced
--
-- Reply {'sent'}     it is in the queue with the addition
--       {'waiting'}  it is in the queue without the addition. Nothing was done
--       {'unknown'}  the letter is no dead letter (any more). A follow-up that was discarded counts as one
local queue, bell_ms, guard_ms, letter, id, subject, opening, mark, addition = unpack(ARGV, 1, 9)
local body, dead = key(queue, 'body'), key(queue, 'dead')
local payload = redis.call('HGET', body, id)
local amended = opening .. addition
if payload and string.sub(payload, 1, #opening) == opening then
  amended = string.sub(payload, 1, (string.find(payload, mark, 1, true) or #payload) - 1) .. addition
end
if payload and not redis.call('ZSCORE', dead, id) then
  if payload == amended then return {'sent'} end
  return {'waiting'}
end
-- Of the follow-ups that are nowhere, only those that were discarded still have their deliveries counted.
local was_discarded = letter == id and read_state(queue, id) > 0
if not was_discarded and not redis.call('ZSCORE', dead, letter) then return {'unknown'} end

check_waking(queue)
begin({'HDEL', 'HGET', 'HSET', 'ZADD', 'ZREM', 'ZSCORE'}, {
  hash = {key(queue, 'deliveries'), body, key(queue, 'why'), key(queue, 'subject'), key(queue, 'line')},
  zset = {key(queue, 'due'), dead},
})
redis.call('HSET', body, id, amended)
redis.call('HSET', key(queue, 'subject'), id, '!' .. subject)
revive(queue, id, now)
ring(queue, bell_ms, guard_ms)
return {'sent'}

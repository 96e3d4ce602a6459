-- Gives a dead letter up for good, and keeps who did it and why. Of a subject's own message, gives back what it holds,
-- unless the subject has a head: then whoever moves that on says what becomes of it.
--
-- owner  whose message it was, or ''
--
-- Reply {is_discarded}: 1, also if somebody discarded it before; or 0: it is no dead letter
local queue, id, by, why, owner = unpack(ARGV, 1, 5)
local hashes = {'why', 'discarded', 'body', 'deliveries', 'history', 'subject'}
for at, part in ipairs(hashes) do hashes[at] = key(queue, part) end
for _, part in ipairs({':asked', ':head', ':held', ':stock', ':stock:held'}) do hashes[#hashes + 1] = ns .. part end
begin_even_if_full({'HDEL', 'HEXISTS', 'HINCRBY', 'HSET', 'ZREM'}, {hash = hashes, zset = {key(queue, 'dead')}})
local is_follow_up = subject_of(queue, id) ~= id
local lets_go = not is_follow_up and redis.call('HEXISTS', ns .. ':head', id) == 0
if lets_go then check_let_go(id) end

local is_discarded = redis.call('ZREM', key(queue, 'dead'), id)
if is_discarded == 0 then
  -- A follow-up may have been accepted again since.
  local is_queued = redis.call('HEXISTS', key(queue, 'body'), id) == 1
  if not is_queued then is_discarded = redis.call('HEXISTS', key(queue, 'discarded'), id) end
  return {is_discarded}
end
local record = decoded(cjson.decode, redis.call('HGET', key(queue, 'why'), id) or '{}') or {}
record.at, record.by, record.why = now, by, why
if owner ~= '' then record.owner = owner end
redis.call('HSET', key(queue, 'discarded'), id, cjson.encode(record))
if lets_go then let_go(id, true) end
-- A follow-up may be accepted under this id again, and delivery numbers only grow.
local deliveries = is_follow_up and redis.call('HGET', key(queue, 'deliveries'), id)
forget(queue, id)
if deliveries then redis.call('HSET', key(queue, 'deliveries'), id, deliveries) end
return {is_discarded}

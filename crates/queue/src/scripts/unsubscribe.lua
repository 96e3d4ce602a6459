-- Removes a subscriber with all that waits in its lane, unless somebody has named it in the last time.
--
-- Reply {verdict, waiting, dead}: 'removed' with what was thrown away, 'named' or 'unknown'
local queue, lane, named_ms = unpack(ARGV, 1, 3)
local known = subscribers_of(queue)[lane]
local waiting, dead = redis.call('ZCARD', key(lane, 'due')), redis.call('ZCARD', key(lane, 'dead'))
if not known and redis.call('SISMEMBER', key(queue, 'lanes'), lane) == 0 then return {'unknown', waiting, dead} end
if known and last_named(known) > now - named_ms then return {'named', waiting, dead} end
begin_even_if_full({'HDEL', 'SREM', 'UNLINK'}, {hash = {key(queue, 'subscribers')}, set = {key(queue, 'lanes')}})
redis.call('HDEL', key(queue, 'subscribers'), lane)
redis.call('SREM', key(queue, 'lanes'), lane)
local parts = {'due', 'body', 'deliveries', 'history', 'dead', 'why', 'subject', 'line', 'discarded', 'turn'}
for _, part in ipairs(parts) do redis.call('UNLINK', key(lane, part)) end
return {'removed', waiting, dead}

-- Makes a message that waits for its time visible at once. Does nothing for one that a worker has, that stands in line,
-- that is a dead letter, or that is unknown.
--
-- Reply {}
local queue, bell_ms, guard_ms, id = unpack(ARGV, 1, 4)
local due = key(queue, 'due')
local at = redis.call('ZSCORE', due, id)
local _, _, _, holder = read_state(queue, id)
if not at or holder or tonumber(at) <= now then return {} end
check_waking(queue)
begin({'ZADD'}, {zset = {due}})
redis.call('ZADD', due, now, id)
ring(queue, bell_ms, guard_ms)
return {}

-- Copies to a subscriber, from the log, what was copied without it; some of it at a time.
--
-- pattern  finds the topic in a payload
--
-- Reply {copied, behind}: how many, and whether there is more
local queue, lane, most, pattern, guard_ms = unpack(ARGV, 1, 5)
local known = redis.call('HGET', key(queue, 'subscribers'), lane)
known = known and decoded(cjson.decode, known) or {}
local copied, behind, bodies, times = 0, 0, {}, {}
if not known.behind then return {copied, behind} end

local entries = redis.call('XRANGE', ns .. ':log', '(' .. known.seen, known.behind, 'COUNT', most)
for _, entry in ipairs(entries) do
  local id, payload = entry[2][2], entry[2][4]
  local topic = string.match(payload, pattern)
  -- What is still to be copied will be copied, and a copy that is still there is no second time needed.
  local is_there = redis.call('HEXISTS', key(queue, 'body'), id) + redis.call('HEXISTS', key(lane, 'body'), id)
  if topic and is_there == 0 and wants(known, topic) then
    copied = copied + 1
    bodies[2 * copied - 1], bodies[2 * copied] = id, payload
    times[2 * copied - 1], times[2 * copied] = now, id
  end
  known.seen = entry[1]
end
if #entries < tonumber(most) then
  known.seen, known.behind = known.behind, nil
else
  behind = 1
end

check_waking(lane)
begin({'HSET', 'ZADD'}, {hash = {key(queue, 'subscribers'), key(lane, 'body')}, zset = {key(lane, 'due')}})
redis.call('HSET', key(queue, 'subscribers'), lane, cjson.encode(known))
call_with('HSET', key(lane, 'body'), bodies)
call_with('ZADD', key(lane, 'due'), times)
if copied > 0 then
  arm(lane, now + guard_ms, guard_ms)
  redis.pcall('HINCRBY', ns .. ':totals', queue .. ':made_good', copied)
end
return {copied, behind}

-- Has subjects forgotten that have been final for so long: puts a message for each of them into a lane, under the
-- subject as its id. Of many only some, so that no call takes long. Also takes all out of the log that is too old.
--
-- after_ms  how long they have been final; a time by Redis's own clock, as they are noted by it
-- log_ms    how long the log is kept
-- payload   of each message
--
-- Reply {moved, is_more}: how many there were, and 1 if there are others
local queue, bell_ms, guard_ms, after_ms, log_ms, payload = unpack(ARGV, 1, 6)
local SOME = 64
local final, log, body, due = ns .. ':final', ns .. ':log', key(queue, 'body'), key(queue, 'due')
local latest = math.max(redis_ms - after_ms, 0)
local entries = redis.call('XRANGE', final, '-', latest, 'COUNT', SOME)

-- A worker is to come when the next one has been final for so long.
local function arm_next()
  local next = redis.call('XRANGE', final, '-', '+', 'COUNT', 1)[1]
  if not next then return false end
  local at = tonumber(string.match(next[1], '^%d+'))
  if at <= latest then return true end
  arm(queue, now + at - latest, guard_ms)
  return false
end

check_waking(queue)
begin_even_if_full({'HSET', 'XDEL', 'XRANGE', 'XTRIM', 'ZADD'}, {hash = {body}, zset = {due}, stream = {final, log}})
-- The scripts that append to it take out whole nodes only.
redis.call('XTRIM', log, 'MINID', math.max(redis_ms - log_ms, 0))
if entries[1] then note_lane(queue) end
local numbers, bodies, times = {}, {}, {}
for n, entry in ipairs(entries) do
  numbers[n] = entry[1]
  for _, subject in ipairs(decoded(cmsgpack.unpack, entry[2][2]) or {}) do
    bodies[#bodies + 1], bodies[#bodies + 2] = subject, payload
    times[#times + 1], times[#times + 2] = now, subject
  end
end
call_with('HSET', body, bodies)
call_with('ZADD', due, times)
call_with('XDEL', final, numbers)
if entries[1] then arm(queue, now + guard_ms, guard_ms) end
local moved, is_more = #times / 2, arm_next() and 1 or 0
return {moved, is_more}

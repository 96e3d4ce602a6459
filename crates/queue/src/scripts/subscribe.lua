-- Names the subscribers that an instance knows, and finds those that missed something.
--
-- topics        separated by commas, or '*' for all
-- fresh_ms      how often a name is written anew
-- look_back_ms  a new subscriber gets what was copied in this time before it came
--
-- Reply {for each subscriber: lane, behind}
--
-- Messages are copied to the subscribers that are known here, whoever copies them. Only release 0.1 copies by its own
-- list: what it copied is made good from the log, to subscribers that it never wrote to.
local queue, fresh_ms, look_back_ms = unpack(ARGV, 1, 3)
begin({'HSET', 'SET', 'SREM'}, {
  hash = {key(queue, 'subscribers'), ns .. ':totals'}, set = {key(queue, 'lanes')}, stream = {ns .. ':log'},
})
local subscribers, changed = subscribers_of(queue), {}

-- Entries of the log, as numbers.
local function parts(entry)
  local ms, n = string.match(entry, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

local function is_before(entry, other)
  local ms, n = parts(entry)
  local other_ms, other_n = parts(other)
  return ms < other_ms or ms == other_ms and n < other_n
end

local last = redis.call('XREVRANGE', ns .. ':log', '+', '-', 'COUNT', 1)[1]
last = last and last[1] or '0-0'

for at = 4, #ARGV, 2 do
  local lane, topics = unpack(ARGV, at, at + 1)
  local known = subscribers[lane]
  if not known then
    known = {since = now, topics = {}, seen = string.format('%d-0', now - look_back_ms), behind = last}
    subscribers[lane] = known
    -- Whoever of release 0.1 knows it writes it down again.
    redis.call('SREM', key(root(queue), 'lanes'), lane)
  end
  if (known.topics[topics] or 0) < now - fresh_ms then
    known.topics[topics] = now
    changed[lane] = true
  end
end

local totals = redis.call('HMGET', ns .. ':totals', queue .. ':done', queue .. ':copied')
local others = (tonumber(totals[1]) or 0) - (tonumber(totals[2]) or 0)
local counted = redis.call('GET', key(queue, 'copiers'))
counted = counted and decoded(cjson.decode, counted) or {entry = '0-0'}
if counted.others and others ~= counted.others then
  local from = string.format('%d-0', math.max(parts(counted.entry) - look_back_ms, 0))
  for lane, known in pairs(subscribers) do
    if redis.call('SISMEMBER', key(root(queue), 'lanes'), lane) == 0 then
      if not known.behind and is_before(known.seen, from) then known.seen = from end
      known.behind = last
      changed[lane] = true
    end
  end
end
if others ~= counted.others or parts(last) - fresh_ms > parts(counted.entry) then
  redis.call('SET', key(queue, 'copiers'), cjson.encode({others = others, entry = last}))
end

for lane in pairs(changed) do
  local known = subscribers[lane]
  for topics, at in pairs(known.topics) do
    if at < last_named(known) - NAMED_FOR_MS then known.topics[topics] = nil end
  end
  redis.call('HSET', key(queue, 'subscribers'), lane, cjson.encode(known))
end

local reply = {}
for lane, known in pairs(subscribers) do
  local behind = known.behind and 1 or 0
  reply[#reply + 1] = {lane, behind}
end
return reply

-- Accepts a message, once per idempotency key.
--
-- digest       of the idempotency key, or '': each call is a message of its own
-- fingerprint  of the body, 16 bytes
-- again        '1' when the caller can't know whether its last try with this id went through
-- depth        most messages that the queue may hold, or 0
-- age_ms       most ms that the oldest visible message may have waited, or 0
--
-- Reply {'accepted', id}  it is in the queue
--       {'replayed', id}  the key is known with this fingerprint, as message id
--       {'conflict', id}  the key is known with another fingerprint
--       {'full', id}      past a limit; nothing was written
local queue, bell_ms, guard_ms, id, payload, digest, fingerprint, ttl_ms, again, depth, age_ms = unpack(ARGV, 1, 11)
local seen, lists, body, due = ns .. ':seen', ns .. ':seen:lists', key(queue, 'body'), key(queue, 'due')

local function list_key(list) return ns .. ':seen:order:' .. list end

local function is_over(entry) return struct.unpack('>I6', entry) <= now end

-- The key may have been used anew since; then its later entry forgets it.
local function forget_key(entry)
  local forgotten = string.sub(entry, 7)
  local record = redis.call('HGET', seen, forgotten)
  if record and is_over(record) then redis.call('HDEL', seen, forgotten) end
end

-- Every fourth call forgets a few: nothing numerous carries a TTL, or Redis finds the timers late.
local OFTEN, FEW, LISTS = 4, 16, 4

local function forget_first(list)
  local entries = redis.call('LRANGE', list_key(list), 0, FEW - 1)
  for _, entry in ipairs(entries) do
    if not is_over(entry) then return end
    redis.call('LPOP', list_key(list))
    forget_key(entry)
  end
  if #entries == 0 then redis.call('SREM', lists, list) end
end

-- Release 0.1 has one list for all. Its entries go to those that end in the same hour.
local HOUR_MS = 3600000
local function use_up_old_list()
  for _ = 1, FEW do
    local entry = redis.call('LPOP', ns .. ':seen:order')
    if not entry then return end
    if is_over(entry) then
      forget_key(entry)
    else
      put_in('h' .. math.floor(struct.unpack('>I6', entry) / HOUR_MS), entry)
    end
  end
end

local function forget_some()
  use_up_old_list()
  for _, list in ipairs(redis.call('SRANDMEMBER', lists, LISTS)) do
    if list ~= ttl_ms then forget_first(list) end
  end
  if digest ~= '' then forget_first(ttl_ms) end
end

if digest ~= '' then
  local first, known = known_key(digest)
  if first then
    local same = first == fingerprint
    -- Our own first try, whose answer was lost, is no replay.
    if same and known == id then return {'accepted', id} end
    id = known
    if same then return {'replayed', id} end
    return {'conflict', id}
  end
end
if again == '1' then
  local kept = redis.call('HEXISTS', body, id) == 1
  local done = redis.call('HEXISTS', ns .. ':head', id) == 1
  if kept or done then return {'accepted', id} end
end

local waiting = redis.call('ZCARD', due)
if depth ~= '0' and waiting >= tonumber(depth) then return {'full', id} end
if age_ms ~= '0' then
  local oldest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if oldest[2] and now - oldest[2] > tonumber(age_ms) then return {'full', id} end
end

check_waking(queue)
check_rights({'HSET', body, 'ZADD', due, 'HDEL', seen, 'RPUSH', list_key(ttl_ms), 'SADD', lists})
-- Of all keys only this one wasn't read yet, so it comes first.
redis.call('HSET', body, id, payload)
note_time()
note_lane(queue)
redis.call('ZADD', due, now, id)
if digest ~= '' then remember_key(digest, fingerprint, ttl_ms, id) end
-- If a stranger wrote these lists, records are kept too long, and nothing else is lost.
if (string.byte(id, -1) or 0) % OFTEN == 0 then pcall(forget_some) end
ring(queue, bell_ms, guard_ms)
return {'accepted', id}

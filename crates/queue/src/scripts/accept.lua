-- Accepts a message, once per idempotency key.
--
-- ARGV  1 queue, 2 message id, 3 payload, 4 bell_ms, 5 guard_ms,
--       6 idempotency digest or '', 7 fingerprint (16 bytes), 8 ttl_ms,
--       9 '1' when the caller can't know whether its last try with this id went through,
--       10 most messages in the queue or 0, 11 most ms that the oldest visible one may have waited or 0
-- Reply {'accepted', id}  it is in the queue
--       {'replayed', id}  the key is known with this fingerprint, as message id
--       {'conflict', id}  the key is known with another fingerprint
--       {'full', id}      past a limit; nothing was written
local queue, id, payload = ARGV[1], ARGV[2], ARGV[3]
local digest, fingerprint = ARGV[6], ARGV[7]
local seen, order = ns .. ':seen', ns .. ':seen:order'

-- A few at each call: nothing numerous carries a TTL, or Redis finds the timers late.
for _ = 1, 4 do
  local oldest = redis.call('LINDEX', order, 0)
  if not oldest or struct.unpack('>I6', oldest) > now then break end
  redis.call('LPOP', order)
  local forgotten = string.sub(oldest, 7)
  local record = redis.call('HGET', seen, forgotten)
  -- The key may have been used anew since; then its later entry forgets it.
  if record and struct.unpack('>I6', record) <= now then redis.call('HDEL', seen, forgotten) end
end

if digest ~= '' then
  local record = redis.call('HGET', seen, digest)
  if record and struct.unpack('>I6', record) > now then
    local known = string.sub(record, 23)
    local same = string.sub(record, 7, 22) == fingerprint
    -- Our own first try, whose answer was lost, is no replay.
    if same and known == id then return {'accepted', id} end
    return {same and 'replayed' or 'conflict', known}
  end
end
if ARGV[9] == '1' then
  local kept = redis.call('HEXISTS', key(queue, 'body'), id) == 1
  local done = redis.call('HEXISTS', ns .. ':head', id) == 1
  if kept or done then return {'accepted', id} end
end

local due = key(queue, 'due')
local max_depth, max_age_ms = tonumber(ARGV[10]), tonumber(ARGV[11])
if max_depth > 0 and redis.call('ZCARD', due) >= max_depth then return {'full', id} end
if max_age_ms > 0 then
  local oldest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if oldest[2] and now - oldest[2] > max_age_ms then return {'full', id} end
end

note_lane(queue)
redis.call('HSET', key(queue, 'body'), id, payload)
redis.call('ZADD', due, now, id)
if digest ~= '' then
  local till = struct.pack('>I6', now + ARGV[8])
  redis.call('HSET', seen, digest, till .. fingerprint .. id)
  redis.call('RPUSH', order, till .. digest)
end
ring(queue, ARGV[4], ARGV[5])
return {'accepted', id}

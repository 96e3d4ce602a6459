-- What goes before the scripts that know idempotency keys.

-- What an idempotency key was used for: fingerprint and value, or nil.
local function known_key(digest)
  local record = redis.call('HGET', ns .. ':seen', digest)
  if not record or struct.unpack('>I6', record) <= now then return nil end
  return string.sub(record, 7, 22), string.sub(record, 23)
end

-- Keeps an entry with the others that end in the order of their coming.
local function put_in(list, entry)
  if redis.call('RPUSH', ns .. ':seen:order:' .. list, entry) == 1 then redis.call('SADD', ns .. ':seen:lists', list) end
end

-- Remembers what an idempotency key was used for. Records with the same ttl end in the order in which they come, so
-- none waits for a longer one.
local function remember_key(digest, fingerprint, ttl_ms, value)
  local till = struct.pack('>I6', now + ttl_ms)
  redis.call('HSET', ns .. ':seen', digest, till .. fingerprint .. value)
  put_in(ttl_ms, till .. digest)
end


-- Takes a message out of the index by these tags. What a stranger wrote there costs a place in it, as in accept.lua.
--
-- tags     as accept.lua takes them
-- came_ms  when it was accepted, give or take an hour
-- goes     '1' if nothing is to be left of it. Then the streams lose a few entries at their beginning: those of which
--          nothing is left
-- caller   whose it is, or ''
local queue, id, tags, came_ms, goes, caller = unpack(ARGV, 1, 6)
local AN_HOUR_MS, MOST_PAGES, FEW = 3600000, 1000, 8
begin_even_if_full({'HDEL', 'HEXISTS', 'HGET', 'HMGET', 'HSET', 'XDEL', 'XRANGE'}, {})

local function take_out(ids)
  for at, other in ipairs(ids) do
    if other == id then return table.remove(ids, at) end
  end
end

local function write_ids(shard, field, before, ids)
  local value = before .. (ids[1] and cmsgpack.pack(unpack(ids)) or '')
  if value == '' then redis.call('HDEL', shard, field) else redis.call('HSET', shard, field, value) end
end

-- From one of the pages behind the newest ids: the youngest page first.
local function take_out_of_pages(shard, field, pages)
  for page = pages - 1, math.max(pages - MOST_PAGES, 0), -1 do
    local name = page_of(field, page)
    local ids = {cmsgpack.unpack(redis.call('HGET', shard, name) or '')}
    if take_out(ids) then return write_ids(shard, name, '', ids) end
  end
end

local function untag(tag, period)
  local shard, field = place_of(tag, period)
  local value = redis.call('HGET', shard, field)
  if not value then return end
  local ids, pages = newest_of(value)
  if not take_out(ids) then take_out_of_pages(shard, field, pages) end
  while pages > 0 and redis.call('HEXISTS', shard, page_of(field, pages - 1)) == 0 do pages = pages - 1 end
  write_ids(shard, field, pages > 0 and cmsgpack.pack(pages) or '', ids)
end

-- Whether none but this one is there: neither with a head nor as a message.
local function are_gone(ids)
  take_out(ids)
  for _, hash in ipairs({ns .. ':head', key(queue, 'body')}) do
    for _, value in ipairs(values_of(hash, ids)) do
      if value then return false end
    end
  end
  return true
end

local function shorten(stream)
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', FEW)) do
    if not are_gone({cmsgpack.unpack(entry[2][2])}) then return end
    redis.call('XDEL', stream, entry[1])
  end
end

for _, ms in ipairs({came_ms - AN_HOUR_MS, came_ms, came_ms + AN_HOUR_MS}) do
  for at = 1, #tags, TAG do pcall(untag, string.sub(tags, at, at + TAG - 1), period_of(ms)) end
end
if goes == '1' then
  pcall(shorten, ns .. ':made')
  if caller ~= '' then pcall(shorten, ns .. ':made:' .. caller) end
end
return {}

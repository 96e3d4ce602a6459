-- Lists messages that were accepted, the newest first, by the index that accept.lua writes. Reads little more of it
-- than it gives.
--
-- owner    whose, or '' for everybody's
-- tag      which tag they have, as accept.lua takes it, or ''. Then the owner doesn't count, and of the time only its
--          periods do
-- from_ms  since when they came, by queue time
-- till_ms  until when
-- after    the place of the last one of the page before, or ''
-- most     how many
--
-- Reply for each {id, place}. If there are fewer, those are the last ones.
local owner, tag, from_ms, till_ms, after, most = unpack(ARGV, 1, 6)
local made, reply = ns .. ':made', {}
local missing = tonumber(most)

-- Says whether there are enough now.
local function give(id, place)
  reply[#reply + 1] = {id, place}
  missing = missing - 1
  return missing == 0
end

-- Few entries at once, because one may hold many ids.
local ENTRIES = 16

-- A place is an entry's time and its number, and which of the ids in it.
local function give_from(stream)
  local upto, cut, below = till_ms, nil, nil
  if after ~= '' then
    local ms, number, n = struct.unpack('>I6I4I2', after)
    if ms <= tonumber(till_ms) then
      upto = string.format('%.0f-%.0f', ms, number)
      cut, below = upto, n
    end
  end
  while true do
    local entries = redis.call('XREVRANGE', stream, upto, from_ms, 'COUNT', math.min(missing, ENTRIES))
    for _, entry in ipairs(entries) do
      local ids = {cmsgpack.unpack(entry[2][2])}
      local ms, number = string.match(entry[1], '^(%d+)-(%d+)$')
      for n = entry[1] == cut and below - 1 or #ids, 1, -1 do
        if ids[n] and give(ids[n], struct.pack('>I6I4I2', ms, number, n)) then return end
      end
      upto = '(' .. entry[1]
    end
    if #entries == 0 then return end
  end
end

-- A place is a period, and which of the tag's ids in it, from 0.
local function give_tagged(period, below)
  local shard, field = place_of(tag, period)
  local value = redis.call('HGET', shard, field)
  if not value then return false end
  local ids, page = newest_of(value)
  while true do
    for n = math.min(#ids, below - page * PAGE), 1, -1 do
      local place = page * PAGE + n - 1
      if give(ids[n], struct.pack('>I6I6', period, place)) then return true end
    end
    page = math.min(page, math.ceil(below / PAGE)) - 1
    if page < 0 then return false end
    ids = {cmsgpack.unpack(redis.call('HGET', shard, page_of(field, page)) or '')}
  end
end

local function give_from_periods()
  local first = redis.call('XRANGE', made, '-', '+', 'COUNT', 1)[1]
  if not first then return end
  local oldest = math.max(period_of(string.match(first[1], '^%d+')), period_of(from_ms))
  local newest, below = math.min(period_of(till_ms), period_of(now)), math.huge
  if after ~= '' then
    local period, place = struct.unpack('>I6I6', after)
    if period <= newest then newest, below = period, place end
  end
  for period = newest, oldest, -1 do
    if give_tagged(period, below) then return end
    below = math.huge
  end
end

if tag ~= '' then
  give_from_periods()
elseif owner ~= '' then
  give_from(made .. ':' .. owner)
else
  give_from(made)
end
return reply

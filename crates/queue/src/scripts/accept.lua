-- Accepts messages, each once per idempotency key. What becomes of them is what would if each came in a call of its
-- own, one after the other. But what Redis is asked and told is asked and told once for all: each command that a script
-- calls costs about as much as what it does.
--
-- depth        most messages that the queue may hold, or 0
-- age_ms       most ms that the oldest visible message may have waited, or 0
-- digest       of the idempotency key, or '': each message is one of its own
-- fingerprint  of the body, 16 bytes
-- again        '1' when the caller can't know whether its last try with this id went through
-- tags         what it is found by, one behind the other: of each the shard and 6 bytes, as in the key
-- caller       whose it is, or ''
-- per_second   how many messages the caller may send, with burst; 0: any number
--
-- Reply, for each message {verdict, id, left, next_ms, full_ms}: the last three tell of the caller's tokens: how many
-- there are, and in how many ms there is one, and all. The verdict is
--   accepted  it is in the queue
--   replayed  the key is known with this fingerprint, as message id
--   conflict  the key is known with another fingerprint
--   full      past a limit; nothing was written of it
--   limited   its caller has no token left; nothing was written of it
local queue, bell_ms, guard_ms, depth, age_ms = unpack(ARGV, 1, 5)
local FIRST, MESSAGE = 6, 10
local seen, lists, body, due = ns .. ':seen', ns .. ':seen:lists', key(queue, 'body'), key(queue, 'due')

-- What the keys were used for, also in this call: digest -> record.
local digests, records = {}, {}
for place = FIRST + 2, #ARGV, MESSAGE do
  if ARGV[place] ~= '' then digests[#digests + 1] = ARGV[place] end
end
for n, record in ipairs(values_of(seen, digests)) do records[digests[n]] = record end

-- Whether the caller's last try with this id went through. Few ask.
local function is_kept(id)
  return redis.call('HEXISTS', body, id) == 1 or redis.call('HEXISTS', ns .. ':head', id) == 1
end

-- How many messages more the queue takes.
local function room_left()
  if age_ms ~= '0' then
    for _, waiting in ipairs({due, key(queue, 'throttled')}) do
      local oldest = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
      if oldest[2] and now - oldest[2] > tonumber(age_ms) then return 0 end
    end
  end
  local waiting = redis.call('ZCARD', due)
  return depth == '0' and math.huge or depth - waiting
end

-- What is to be written of all messages, and what is to be forgotten when: list -> entries.
local taken, bodies, times, new_records, ends = {}, {}, {}, {}, {}

-- What finds them again: the stream -> the ids for its next entry; and for each tag its shard, its field and an id.
local MADE = ns .. ':made'
local made, tagged = {}, {}

local function put_into_index(id, tags, caller)
  local packed = cmsgpack.pack(id)
  made[MADE] = (made[MADE] or '') .. packed
  if caller ~= '' then
    local own = MADE .. ':' .. caller
    made[own] = (made[own] or '') .. packed
  end
  for at = 1, #tags, TAG do
    local n, rest = #tagged, at + SHARD
    tagged[n + 1], tagged[n + 2] = string.sub(tags, at, rest - 1), string.sub(tags, rest, at + TAG - 1)
    tagged[n + 3] = packed
  end
end

local function put_down(id, payload, digest, fingerprint, ttl_ms)
  taken[id] = true
  bodies[#bodies + 1], bodies[#bodies + 2] = id, payload
  times[#times + 1], times[#times + 2] = now, id
  if digest == '' then return end
  local till = struct.pack('>I6', now + ttl_ms)
  records[digest] = till .. fingerprint .. id
  new_records[#new_records + 1], new_records[#new_records + 2] = digest, records[digest]
  ends[ttl_ms] = ends[ttl_ms] or {}
  table.insert(ends[ttl_ms], till .. digest)
end

-- Of each caller the ms at which the bucket will be full, with what has been taken in this call.
local full_at, rates = {}, ns .. ':rates'

-- Takes a token of the caller's, if there is one. Says whether there was, and what there is now.
local function take_token(caller, per_second, burst)
  if per_second == '0' then return true, 0, 0, 0 end
  local each_ms, kept = 1000 / per_second, full_at[caller] or redis.call('HGET', rates, caller)
  local full = math.max(tonumber(kept or 0) or 0, now)
  local has = full + each_ms <= now + burst * each_ms + 0.001
  if has then full = full + each_ms end
  full_at[caller] = full
  local left = math.max(math.floor(burst - (full - now) / each_ms + 0.001), 0)
  local next_ms = math.max(math.ceil(full + each_ms - now - burst * each_ms), 0)
  return has, left, next_ms, math.ceil(full - now)
end

local function note_rates()
  local fields = {}
  for caller, full in pairs(full_at) do
    fields[#fields + 1], fields[#fields + 2] = caller, string.format('%.3f', full)
  end
  -- It must hold up nothing.
  if fields[1] then redis.pcall('HSET', rates, unpack(fields)) end
end

local reply, room = {}, nil
for at = FIRST, #ARGV, MESSAGE do
  local id, payload, digest, fingerprint, ttl_ms, again, tags, caller, per_second, burst = unpack(ARGV, at, at + 9)
  local verdict, first, known = 'accepted', used_for(records[digest])
  local has_token, left, next_ms, full_ms = take_token(caller, per_second, burst)
  if first then
    -- Our own first try, whose answer was lost, is no replay.
    if first ~= fingerprint then verdict = 'conflict' elseif known ~= id then verdict = 'replayed' end
    id = known
  elseif again ~= '1' or not (taken[id] or is_kept(id)) then
    if has_token then room = room or room_left() end
    if not has_token then
      verdict = 'limited'
    elseif room > 0 then
      room = room - 1
      put_down(id, payload, digest, fingerprint, ttl_ms)
      put_into_index(id, tags, caller)
    else
      verdict = 'full'
    end
  end
  reply[#reply + 1] = {verdict, id, left, next_ms, full_ms}
end
if not bodies[1] then
  note_rates()
  return reply
end

local function list_key(list) return ns .. ':seen:order:' .. list end

local rights = {'HSET', body, 'ZADD', due, 'HDEL', seen, 'SADD', lists}
for list in pairs(ends) do rights[#rights + 1], rights[#rights + 2] = 'RPUSH', list_key(list) end
check_waking(queue)
check_rights(rights)
-- Of all keys only this one wasn't read yet, so it comes first.
call_with('HSET', body, bodies)
note_time()
note_lane(queue)
call_with('ZADD', due, times)
call_with('HSET', seen, new_records)
note_rates()
-- If a stranger wrote these lists, records are kept too long, and nothing else is lost.
for list, entries in pairs(ends) do pcall(put_in, list, entries) end

local entry, shards, written = now .. '-*', shards_of(period_of(now)), 0

-- An entry's time never goes back, but queue time may, by a little, where Redis's clock is set.
local function write_made(stream, ids)
  local added = redis.pcall('XADD', stream, entry, 'ids', ids)
  if type(added) ~= 'table' then return end
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  redis.call('XADD', stream, last and string.match(last[1], '^%d+') .. '-*' or '*', 'ids', ids)
end

-- However many ids a tag has, the next one costs the same.
local function write_tagged(shard, field, id)
  if redis.call('HSETNX', shard, field, id) == 1 then return end
  local value = redis.call('HGET', shard, field)
  local ids, pages = newest_of(value)
  if #ids < PAGE then
    redis.call('HSET', shard, field, value .. id)
  else
    local page = cmsgpack.pack(unpack(ids))
    redis.call('HSET', shard, page_of(field, pages), page, field, cmsgpack.pack(pages + 1) .. id)
  end
end

-- What fails is not tried again.
local function write_all_tagged()
  while tagged[written + 1] do
    written = written + 3
    write_tagged(shards .. tagged[written - 2], tagged[written - 1], tagged[written])
  end
end

-- What a stranger wrote there, or a right that the user lacks, costs a place in the index, and no message.
for stream, ids in pairs(made) do pcall(write_made, stream, ids) end
while not pcall(write_all_tagged) do end

-- Each fourth message has a few forgotten: nothing numerous carries a TTL, or Redis finds the timers late.
local OFTEN, FEW, MOST, LISTS = 4, 16, 256, 4
local few = 0
for id in pairs(taken) do
  if (string.byte(id, -1) or 0) % OFTEN == 0 then few = math.min(few + FEW, MOST) end
end

local forget_some = few > 0 and function()
  -- A key may have been used anew since; then its later entry forgets it.
  local function forget_keys(entries)
    local forgotten, over = {}, {}
    for n, entry in ipairs(entries) do forgotten[n] = string.sub(entry, 7) end
    for n, record in ipairs(values_of(seen, forgotten)) do
      if record and is_over(record) then over[#over + 1] = forgotten[n] end
    end
    call_with('HDEL', seen, over)
  end

  local function forget_first(list)
    local entries, over = redis.call('LRANGE', list_key(list), 0, few - 1), {}
    for n, entry in ipairs(entries) do
      if not is_over(entry) then break end
      over[n] = entry
    end
    if over[1] then
      redis.call('LPOP', list_key(list), #over)
      forget_keys(over)
    end
    if #entries == 0 then redis.call('SREM', lists, list) end
  end

  -- Release 0.1 has one list for all. Its entries go to those that end in the same hour.
  local HOUR_MS = 3600000
  local function use_up_old_list()
    local over = {}
    for _, entry in ipairs(redis.call('LPOP', ns .. ':seen:order', few) or {}) do
      if is_over(entry) then
        over[#over + 1] = entry
      else
        put_in('h' .. math.floor(struct.unpack('>I6', entry) / HOUR_MS), {entry})
      end
    end
    forget_keys(over)
  end

  use_up_old_list()
  for _, list in ipairs(redis.call('SRANDMEMBER', lists, LISTS)) do
    if not ends[list] then forget_first(list) end
  end
  for list in pairs(ends) do forget_first(list) end
end

if forget_some then pcall(forget_some) end
ring(queue, bell_ms, guard_ms)
return reply

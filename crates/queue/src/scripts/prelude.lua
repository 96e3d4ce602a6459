-- What scripts begin with: the keys, the time, the doorbell and the timer. build.rs gives each script those of the
-- declarations below that it needs.
--
-- KEYS[1] is the namespace with its hash tag, `{orders}` say. Every key below is derived from it and so lies in the
-- same slot. In the names, <queue> is a queue (`placed`) or a lane of one (`changes.erp`); <root> is the part before
-- the dot, because the lanes of a queue share its doorbell and its timer. A message is its own subject, unless it is a
-- follow-up: a later message about the subject of an earlier one.
--
--   ns:<queue>:due         zset    message id -> ms at which it is visible: waiting, delayed, leased and retrying alike
--   ns:<queue>:body        hash    message id -> payload; a dead letter's payload stays here too
--   ns:<queue>:deliveries  hash    message id -> `deliveries,failures,crashes` and, until the last of them is settled,
--                                  `,worker#number` with the number of the worker's claim, and `?` behind it while the
--                                  worker may not know of it (release 0.1: `,worker`); absent until first handed out
--   ns:<queue>:turn        string  when suspects and fresh messages wait: it is the suspects' turn
--   ns:<queue>:history     hash    message id -> JSON list of what went wrong; absent while nothing did
--   ns:<queue>:dead        zset    dead letter's id -> ms at which it was buried
--   ns:<queue>:why         hash    dead letter's id -> JSON {class, reason, deliveries, failures, crashes}
--   ns:<queue>:subject     hash    follow-up's id -> its subject, behind '!' if it recalls what is unhandled, or '.'
--   ns:<queue>:line        hash    subject -> msgpack list of ids that are worked off one after the other, first one
--                                  first; absent while the subject has but its own message
--   ns:<queue>:discarded   hash    message id -> JSON {at, by, why, owner, class, reason, redacted}: a dead letter that
--                                  a person gave up; owner only if it was said, redacted since when reason is gone
--   ns:<queue>:parked      zset    message that waits for a partner -> ms at which it began to. It is in `due` as well
--   ns:<queue>:throttled   zset    message that waits for a place at a partner -> ms at which it became visible. It is
--                                  in `due` as well, there visible after a lease: for builds that don't know this key
--   ns:<queue>:paced       string  ms until which the redriven messages are spread; absent before the first
--   ns:<root>:bell         string  a doorbell is ringing that no worker has heard yet; PX
--   ns:<root>:timer        hash    expires when the earliest invisible message becomes visible
--   ns:<root>:guard        hash    expires one lease after the timer: a second wake, should the first one's worker die
--   ns:<root>:lanes        set     the lanes that were ever written to, except those of subscribers. Release 0.1 buries
--                                  what waits in one of `changes` that it doesn't know, so they must not be in it
--   ns:<queue>:subscribers hash    lane -> JSON of a subscriber, to whose lane messages are copied:
--                                    since   ms at which it came
--                                    topics  which topics it is to get -> ms at which that was last said
--                                    seen    the entry of the log up to which it has everything
--                                    behind  the entry up to which it is to be given what it missed; absent if nothing
--   ns:<queue>:copiers     string  JSON {others, entry}: messages that release 0.1 has copied, and the log's last entry
--                                  when they were last counted
--   ns:seen                hash    idempotency digest -> until (6 bytes), fingerprint (16 bytes), message id or ''
--   ns:seen:order:<list>   list    until (6 bytes) and digest, in the order of their end: what may be forgotten when;
--                                  a list for each time to live in ms
--   ns:seen:lists          set     the <list>s that may hold something
--   ns:seen:order          list    the one list of release 0.1, in the order of their coming
--   ns:made                stream  ids: the ids of messages that were accepted together, each in msgpack, one behind
--                                  the other. An entry's time is queue time. Settling a message leaves it here
--   ns:made:<owner>        stream  the same of one owner's
--   ns:tagged:<period>:<shard> hash  6 bytes of a tag -> the newest ids that have it, 3 at most, each in msgpack, one
--                                  behind the other; before them in msgpack how many pages of 3 there are besides,
--                                  if any: field 6 bytes, page (4 bytes, from 0) -> 3 ids. <period> counts 30 days of
--                                  queue time since 1970; <shard> is 0000 to 3fff, the tag's first 14 bits in hex
--   ns:rates               hash    caller -> ms at which the bucket of their tokens is full
--   ns:head                hash    subject -> which record in the store is its present one
--   ns:stock               hash    item -> units left; absent: not tracked
--   ns:stock:held          hash    item -> units that subjects hold
--   ns:held                hash    subject -> msgpack [[item, units], ...]: what it holds. An empty list stays until
--                                  the subject is decided: it has held once, and so holds again
--   ns:asked               hash    subject -> ms of its last hold, a space, and whom its handler asks then for what
--                                  can't be undone, or nothing: nobody was asked; then ' short' if it is to stay short,
--                                  or ' new' if nobody was asked before; until the subject is decided
--   ns:partners            hash    partner -> msgpack {failed: subjects for which it failed, one after the other,
--                                  answered: ms at which it last answered} or,
--                                  while it fails for all, {since, why, pause: ms between probes, next: ms at which a
--                                  probe may go, probe: the last one, delivery: of that}
--   ns:totals              hash    counters
--   ns:clock               string  what Redis's clock showed when it was last noted (6 bytes), and the ms by which
--                                  queue time is ahead of it (6 bytes, with a sign)
--   ns:clocks              hash    callers: msgpack [[ms by which a caller's clock is ahead of Redis's, what that
--                                  showed then], ...]; told: '1' once health has told that Redis's clock was set
--   ns:<root>:rearmed      string  ms of the last rearm, which health asks for
--   ns:log                 stream  every event with its payload, trimmed by age
--   ns:final               stream  subjects that will not change any more, each once: msgpack list of those that became
--                                  so together. Numbered by Redis's own clock
--   ns:probe               string  never there: what is tried on it shows whether Redis takes writes
--
-- Each script's last argument is what its caller's clock shows, in ms.
local ns, caller_ms = KEYS[1], table.remove(ARGV)

local function key(queue, part) return ns .. ':' .. queue .. ':' .. part end
local function root(queue) return string.match(queue, '^[^.]+') end

-- Queue time. It is Redis's own clock, so that all workers share one, until that clock is set. Then queue time goes on
-- from where it was, and draws level again by a tenth of the time that passes.
--
-- A clock that was set back shows less than was noted last. One that was set forward looks as if nobody had called for
-- long. So each caller says what its own clock shows. If that went on by less than Redis's since it was noted, Redis's
-- went ahead, or Redis stood still while the caller waited. Neither may end a lease.
local NOTED_EVERY_MS, NOTICED_MS, DRAWS_LEVEL_BY = 100, 1000, 10
local time = redis.call('TIME')
local redis_ms, noted = time[1] * 1000 + math.floor(time[2] / 1000), redis.call('GET', ns .. ':clock')
local last, ahead = redis_ms, 0
if noted then last, ahead = struct.unpack('>I6i6', noted) end

-- How far Redis's clock was set: forward, or back where this is below 0.
local passed, set_by = redis_ms - last, 0
-- Notes what the clocks show. Each script that changes a queue does so behind its first write.
local note_time, now = function() end

-- Seldom: most scripts create no more functions than they must, because each costs them a twentieth of a microsecond.
if not noted or passed < 0 or passed >= NOTED_EVERY_MS then
  local CALLER_COUNTS_MS, MOST_CALLERS = 60000, 4
  local packed = redis.call('HGET', ns .. ':clocks', 'callers')
  local callers, lead = packed and cmsgpack.unpack(packed) or {}, caller_ms - redis_ms

  -- By how much more Redis's clock went on than a caller's. Callers' clocks differ, and each tells only of itself:
  -- where one of them agrees with Redis's, nothing happened; or else the least difference that can be counts.
  local function leapt()
    local least
    for _, caller in ipairs(callers) do
      local leap = caller[1] - lead
      if math.abs(leap) <= NOTICED_MS and last - caller[2] <= CALLER_COUNTS_MS then return 0 end
      if leap > NOTICED_MS and leap <= passed + NOTICED_MS then least = math.min(least or leap, leap) end
    end
    return math.min(least or 0, passed)
  end

  -- Others may have seen a time that was up to NOTED_EVERY_MS later than what was noted.
  if passed < 0 then set_by = passed - NOTED_EVERY_MS elseif passed > NOTICED_MS then set_by = leapt() end

  -- The callers that are known, as their clocks stand to Redis's from now on. This one is the last of them.
  local function callers_from_now_on()
    local known = {}
    for _, caller in ipairs(set_by < 0 and {} or callers) do
      local moved = {caller[1] - set_by, caller[2] + set_by}
      if math.abs(moved[1] - lead) > NOTICED_MS then known[#known + 1] = moved end
    end
    if #known == MOST_CALLERS then table.remove(known, 1) end
    known[#known + 1] = {lead, redis_ms}
    return known
  end

  -- A user may lack the rights: that must not fail what has begun.
  note_time = function()
    local clocks = {'callers', cmsgpack.pack(callers_from_now_on())}
    if set_by ~= 0 then clocks[3], clocks[4] = 'told', '0' end
    redis.pcall('HSET', ns .. ':clocks', unpack(clocks))
    redis.pcall('SET', ns .. ':clock', struct.pack('>I6i6', redis_ms, ahead))
  end
end

if ahead ~= 0 or set_by ~= 0 then
  local slower = math.floor((passed - set_by) / DRAWS_LEVEL_BY)
  ahead = ahead - set_by
  if ahead > 0 then ahead = math.max(ahead - slower, 0) else ahead = math.min(ahead + slower, 0) end
end
now = redis_ms + ahead

-- Redis undoes nothing of a script that fails. So whatever might refuse a write is tried before the first one: a right
-- that the user lacks, a key that a stranger wrote, a Redis that takes no writes. What comes later can't fail.

local function refuse(why) error({err = why}) end

-- Fails unless the user may call each command on the key behind it. Some commands take all arguments for keys.
local function check_rights(rights)
  for at = 1, #rights, 2 do
    local command, name = rights[at], rights[at + 1]
    if not redis.acl_check_cmd(command, name, name, name) then
      refuse('NOPERM this user may not call ' .. command .. ' on ' .. name)
    end
  end
end

-- A command for each kind of key that is refused on every other kind, and costs little.
local KINDS = {hash = 'HLEN', zset = 'ZCARD', set = 'SCARD', stream = 'XLEN'}

local function check_kind(kind, name)
  local size = redis.pcall(KINDS[kind], name)
  if type(size) ~= 'table' then return end
  if string.sub(size.err, 1, 9) ~= 'WRONGTYPE' then refuse(size.err) end
  refuse('WRONGTYPE ' .. name .. ' is no ' .. kind .. ': a stranger wrote it. Rename or delete it')
end

-- Fails unless the user may call all these, and unless all keys can be written that are given by their kind.
local function check(commands, keys)
  for kind, names in pairs(keys) do
    for _, name in ipairs(names) do
      check_kind(kind, name)
      check_rights({'DEL', name})
    end
  end
  for _, command in ipairs(commands) do check_rights({command, ns .. ':probe'}) end
end

-- Also fails if Redis is full: for what asks more of it later.
local function begin(commands, keys)
  check(commands, keys)
  redis.call('SET', ns .. ':probe', '', 'XX')
  note_time()
end

-- Goes on though Redis is full, for what must not wait until it isn't: Redis refuses no write for that after one that
-- frees memory.
local function begin_even_if_full(commands, keys)
  check(commands, keys)
  redis.call('DEL', ns .. ':probe')
  note_time()
end

-- Fails unless a field's value is a whole number, or absent, and stays one that Redis can count with when `by` is
-- added.
local function check_sum(name, field, value, by)
  local whole = not value or value == '0' or string.match(value, '^-?[1-9]%d*$')
  if not whole or math.abs((value or 0) + by) > 9.2e18 then
    refuse('ERR ' .. name .. ' can not add ' .. by .. ' to ' .. value .. ', which it has for ' .. field)
  end
end

-- Whether the time with which a record or an entry begins is over.
local function is_over(entry) return struct.unpack('>I6', entry) <= now end

-- What an idempotency key was used for, by its record in `seen`: fingerprint and value, or nil.
local function used_for(record)
  if not record or is_over(record) then return nil end
  return string.sub(record, 7, 22), string.sub(record, 23)
end

-- Keeps entries with the others that end in the order of their coming.
local function put_in(list, entries)
  local length = redis.call('RPUSH', ns .. ':seen:order:' .. list, unpack(entries))
  if length == #entries then redis.call('SADD', ns .. ':seen:lists', list) end
end

-- Remembers what an idempotency key was used for. Records with the same ttl end in the order in which they come, so
-- none waits for a longer one. If a stranger wrote these lists, the record is kept too long, and nothing else is lost.
local function remember_key(digest, fingerprint, ttl_ms, value)
  local till = struct.pack('>I6', now + ttl_ms)
  redis.call('HSET', ns .. ':seen', digest, till .. fingerprint .. value)
  pcall(put_in, ttl_ms, {till .. digest})
end

-- What is written in this encoding, or nil for anything else.
local function decoded(decode, text)
  local ok, value = pcall(decode, text)
  return ok and type(value) == 'table' and value or nil
end

-- Redis deletes a key whose expiry is set into the past, and tells nobody. `now` gets old while a script runs, hence a
-- time from this moment and not a point in time, and hence some distance.
local SOONEST_MS = 10
-- Ten years. A partner may ask for any wait, and Redis can't add every number to its clock.
local LATEST_MS = 10 * 366 * 24 * 3600 * 1000

local function bounded(after_ms) return math.min(tonumber(after_ms), LATEST_MS) end

local function expire(queue, part, after_ms)
  local timer = key(root(queue), part)
  if type(redis.pcall('HSET', timer, 'armed', 1)) == 'table' then
    -- What a stranger wrote there must not fail what has begun.
    redis.call('DEL', timer)
    redis.call('HSET', timer, 'armed', 1)
  end
  redis.call('PEXPIRE', timer, math.max(bounded(after_ms), SOONEST_MS), 'LT')
end

-- Lets the timer of the queue expire at `at` unless it does so earlier, and its guard `guard_ms` later: the worker that
-- the timer wakes may die before its claim, which arms both anew.
local function arm(queue, at, guard_ms)
  expire(queue, 'timer', at - now)
  expire(queue, 'guard', at - now + guard_ms)
end

-- Wakes a worker unless a doorbell is ringing already. Pub/sub may lose it: the timer is armed as well. A user without
-- a right to the channel loses every one.
local function ring(queue, bell_ms, guard_ms)
  local bell = key(root(queue), 'bell')
  -- Its expiry alone won't do: a key outlives its time where Redis's clock is set back.
  local till = redis.pcall('GET', bell)
  if type(till) == 'string' and (tonumber(till) or 0) > now then return end
  redis.call('SET', bell, now + bell_ms, 'PX', bell_ms)
  redis.pcall('PUBLISH', bell, '1')
  arm(queue, now + guard_ms, guard_ms)
end

-- What it takes to wake a worker of a queue. Once for all lanes of a root, since they share all of it.
local may_wake, may_note = {}, {}

local function check_waking(queue)
  local parent = root(queue)
  if not may_wake[parent] then
    local timer = key(parent, 'timer')
    check_rights({'SET', key(parent, 'bell'), 'DEL', timer, 'HSET', timer, 'PEXPIRE', key(parent, 'guard')})
    may_wake[parent] = true
  end
  if queue ~= parent and not may_note[parent] then
    local lanes = key(parent, 'lanes')
    check_kind('set', lanes)
    check_rights({'SADD', lanes})
    may_note[parent] = true
  end
end

-- Lua can't pass any number of arguments at once. Even, so that no pair is torn apart.
local MOST_ARGUMENTS = 1000

-- One command for all arguments, because each call from a script costs about as much as what it does.
local function call_with(command, name, arguments)
  for at = 1, #arguments, MOST_ARGUMENTS do
    redis.call(command, name, unpack(arguments, at, math.min(at + MOST_ARGUMENTS - 1, #arguments)))
  end
end

-- The values of a hash's fields, in their order; false for what is not there.
local function values_of(hash, fields)
  local values = {}
  for at = 1, #fields, MOST_ARGUMENTS do
    local some = redis.call('HMGET', hash, unpack(fields, at, math.min(at + MOST_ARGUMENTS - 1, #fields)))
    for n, value in ipairs(some) do values[at + n - 1] = value end
  end
  return values
end

-- Who has a message whose claim's answer may have been lost. If the worker had it, it says so by renewing the lease. If
-- the lease runs out before, that is no crash.
local function doubtful(token) return token .. '?' end

local function is_known(holder) return string.sub(holder, -1) ~= '?' end

local function worker_of(holder) return string.match(holder, '^(.*)#%d+$') or holder end

-- Deliveries, failures, crashes, and who has the message, or nil.
local function parse_state(state)
  if not state then return 0, 0, 0, nil end
  local deliveries, failures, crashes, held, worker = string.match(state, '^(%d+),(%d+),(%d+)(,?)(.*)$')
  return tonumber(deliveries), tonumber(failures), tonumber(crashes), held ~= '' and worker or nil
end

local function format_state(deliveries, failures, crashes, worker)
  local state = string.format('%d,%d,%d', deliveries, failures, crashes)
  -- Not by %s, which ends at a NUL.
  if worker then state = state .. ',' .. worker end
  return state
end

local function read_state(queue, id) return parse_state(redis.call('HGET', key(queue, 'deliveries'), id)) end

local function write_state(queue, id, deliveries, failures, crashes, worker)
  redis.call('HSET', key(queue, 'deliveries'), id, format_state(deliveries, failures, crashes, worker))
end

-- Makes a lane known to its root. The root itself is no lane.
local function note_lane(queue)
  local parent = root(queue)
  if queue ~= parent then redis.call('SADD', key(parent, 'lanes'), queue) end
end

-- All lanes of a root.
local function lanes_of(parent)
  local lanes, seen = redis.call('SMEMBERS', key(parent, 'lanes')), {}
  for _, lane in ipairs(lanes) do seen[lane] = true end
  for _, lane in ipairs(redis.call('HKEYS', key(parent, 'subscribers'))) do
    if not seen[lane] then lanes[#lanes + 1] = lane end
  end
  return lanes
end

-- The subscribers of a queue by their lanes.
local function subscribers_of(queue)
  local subscribers, all = {}, redis.call('HGETALL', key(queue, 'subscribers'))
  for at = 1, #all, 2 do
    subscribers[all[at]] = decoded(cjson.decode, all[at + 1]) or refuse('ERR ' .. all[at] .. ' is no subscriber')
  end
  return subscribers
end

-- When somebody last said that there is this subscriber.
local function last_named(subscriber)
  local last = 0
  for _, at in pairs(subscriber.topics) do last = math.max(last, at) end
  return last
end

-- Topics that nobody has named for so long, while others were named, are no longer asked for.
local NAMED_FOR_MS = 600000

-- Whether a subscriber is to get a topic: by what any of those says that named it in the last time. While a setting is
-- changed host by host, both the old and the new one count.
local function wants(subscriber, topic)
  local last = last_named(subscriber)
  for topics, at in pairs(subscriber.topics) do
    local is_asked_for = topics == '*' or string.find(',' .. topics .. ',', ',' .. topic .. ',', 1, true)
    if is_asked_for and at >= last - NAMED_FOR_MS then return true end
  end
  return false
end

-- What a message is about.
local function subject_of(queue, id)
  local subject = redis.call('HGET', key(queue, 'subject'), id)
  return subject and string.sub(subject, 2) or id
end

-- The messages of a subject that are worked off one after the other. The subject's own is in it only if it came back
-- while others were there; if it is in `due` instead, all of them wait for it.
local function line_of(queue, subject)
  local line = redis.call('HGET', key(queue, 'line'), subject)
  return line and decoded(cmsgpack.unpack, line) or {}
end

local function set_line(queue, subject, line)
  if #line == 0 then
    redis.call('HDEL', key(queue, 'line'), subject)
  else
    redis.call('HSET', key(queue, 'line'), subject, cmsgpack.pack(line))
  end
end

local function recalls(queue, id)
  local subject = redis.call('HGET', key(queue, 'subject'), id)
  return subject and string.sub(subject, 1, 1) == '!'
end

-- Lets what recalls a subject go before the subject's own message, whenever that would be visible. Not while a worker
-- has it. Says whether it did.
local function step_back(queue, subject, at)
  local due = key(queue, 'due')
  local _, _, _, worker = read_state(queue, subject)
  if worker or not redis.call('ZSCORE', due, subject) then return false end
  local line = line_of(queue, subject)
  if line[1] == subject then table.remove(line, 1) end
  for place, waiting in ipairs(line) do
    if recalls(queue, waiting) then
      table.remove(line, place)
      table.insert(line, 1, subject)
      table.insert(line, 1, waiting)
      set_line(queue, subject, line)
      redis.call('ZREM', due, subject)
      redis.call('ZADD', due, at, waiting)
      return true
    end
  end
  return false
end

-- Makes a message visible at `at`, or when its turn comes: of one subject at most one is in `due`.
local function enter(queue, id, at)
  local due, subject = key(queue, 'due'), subject_of(queue, id)
  local line = line_of(queue, subject)
  if id ~= subject or #line > 0 then
    line[#line + 1] = id
    set_line(queue, subject, line)
    if #line > 1 or redis.call('ZSCORE', due, subject) then
      step_back(queue, subject, at)
      return
    end
  end
  redis.call('ZADD', due, at, id)
end

-- Takes a message out of the queue, and lets the next one of its subject in. Says whether there is one.
local function leave(queue, id)
  local due = key(queue, 'due')
  redis.call('ZREM', due, id)
  local subject = subject_of(queue, id)
  local line = line_of(queue, subject)
  if line[1] == id then
    table.remove(line, 1)
    set_line(queue, subject, line)
  end
  if line[1] then redis.call('ZADD', due, now, line[1]) end
  return line[1] ~= nil
end

-- Forgets all that is known of a message that will never be delivered again.
local function forget(queue, id)
  for _, part in ipairs({'body', 'deliveries', 'history', 'why', 'subject'}) do
    redis.call('HDEL', key(queue, part), id)
  end
end

-- The last of them are kept: a message that is redriven for weeks must not grow without bound.
local HISTORY = 32

local function history_of(queue, id)
  return decoded(cjson.decode, redis.call('HGET', key(queue, 'history'), id) or '[]') or {}
end

local function append_to(queue, id, list, entry)
  entry.at = now
  list[#list + 1] = entry
  if #list > HISTORY then table.remove(list, 1) end
  redis.call('HSET', key(queue, 'history'), id, cjson.encode(list))
end

local function remember(queue, id, entry) append_to(queue, id, history_of(queue, id), entry) end

-- Takes back the crash that was booked for a delivery: its worker lives, and only missed Redis until its lease ended.
local function excuse(queue, id, delivery, worker)
  local list = history_of(queue, id)
  for at = #list, 1, -1 do
    local entry = list[at]
    if entry.kind == 'crash' and entry.delivery == delivery and entry.worker == worker then
      local deliveries, failures, crashes, holder = read_state(queue, id)
      write_state(queue, id, deliveries, failures, math.max(crashes - 1, 0), holder)
      table.remove(list, at)
      redis.call('HSET', key(queue, 'history'), id, cjson.encode(list))
      return
    end
  end
end

-- One entry for all times, so that an outage pushes nothing else out. An older build must be able to read its kind.
local function remember_given_back(queue, id, entry)
  local list = history_of(queue, id)
  entry.given_back, entry.since = 1, now
  for at = #list, 1, -1 do
    local before = list[at]
    if before.given_back then
      entry.given_back, entry.since = before.given_back + 1, before.since
      table.remove(list, at)
    end
  end
  append_to(queue, id, list, entry)
end

-- Sends a dead letter back with new attempts. Delivery numbers go on: they are the fence.
local function revive(queue, id, at)
  local deliveries = read_state(queue, id)
  write_state(queue, id, deliveries, 0, 0)
  redis.call('ZREM', key(queue, 'dead'), id)
  redis.call('HDEL', key(queue, 'why'), id)
  enter(queue, id, at)
end

-- Lets the timer expire when the next invisible message becomes visible.
local function arm_earliest(queue, guard_ms)
  local next = redis.call('ZRANGE', key(queue, 'due'), '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
  if next[2] then arm(queue, tonumber(next[2]), guard_ms) end
end

-- Where ids are kept by their tags. A value of more than 64 bytes would make a hash several times as large.
local PERIOD_MS, PAGE = 30 * 24 * 3600 * 1000, 3

local function period_of(ms) return math.floor(ms / PERIOD_MS) end

-- A tag, as accept.rs writes it, is so long. So many letters at its beginning are its shard; the rest is the field.
local SHARD, TAG = 4, 10

-- How the keys of a period's hashes begin. The shard comes behind that.
local function shards_of(period) return ns .. ':tagged:' .. period .. ':' end

-- The key of the hash that a tag is in, and its field there.
local function place_of(tag, period)
  return shards_of(period) .. string.sub(tag, 1, SHARD), string.sub(tag, SHARD + 1)
end

local function page_of(field, page) return field .. struct.pack('>I4', page) end

-- What the field of a tag holds: its newest ids, the first one first, and how many pages there are besides.
local function newest_of(value)
  local ids = {cmsgpack.unpack(value)}
  local pages = type(ids[1]) == 'number' and table.remove(ids, 1) or 0
  return ids, pages
end

-- What is known of a partner whom handlers ask.
local function partner_of(name)
  local known = redis.call('HGET', ns .. ':partners', name)
  return known and decoded(cmsgpack.unpack, known) or {failed = {}}
end

local function note_partner(name, partner) redis.call('HSET', ns .. ':partners', name, cmsgpack.pack(partner)) end

-- Leave to ask a partner: FREE, or if the partner fails for all either the ms since then, to a probe, or WAITS. A probe
-- is out while its delivery has its lease. So one whose worker died keeps nobody waiting for longer.
local FREE, WAITS = 0, 1

local function leave_to_ask(queue, id, delivery, name)
  local partner = partner_of(name)
  if not partner.since then return FREE end
  if now < partner.next then return WAITS end
  local probe = partner.probe
  if probe and probe ~= id then
    local deliveries, _, _, holder = read_state(queue, probe)
    local lease_end = redis.call('ZSCORE', key(queue, 'due'), probe)
    local is_out = holder and deliveries == partner.delivery and lease_end and tonumber(lease_end) > now
    if is_out then return WAITS end
  end
  partner.probe, partner.delivery = id, tonumber(delivery)
  note_partner(name, partner)
  return partner.since
end

-- The lines of what a subject holds: item and units.
local function held_by(subject)
  local held = redis.call('HGET', ns .. ':held', subject)
  if not held then return {} end
  return decoded(cmsgpack.unpack, held) or refuse('ERR ' .. ns .. ':held can not be read for one subject')
end

-- Fails if a subject could not let go of what it holds.
local function check_let_go(subject)
  for _, line in ipairs(held_by(subject)) do
    local stock, held = ns .. ':stock', ns .. ':stock:held'
    check_sum(stock, line[1], redis.call('HGET', stock, line[1]), line[2])
    check_sum(held, line[1], redis.call('HGET', held, line[1]), -line[2])
  end
end

-- What a subject holds goes back into stock, or for good. Once: then it holds nothing.
local function let_go(subject, goes_back)
  redis.call('HDEL', ns .. ':asked', subject)
  for _, line in ipairs(held_by(subject)) do
    if goes_back then redis.call('HINCRBY', ns .. ':stock', line[1], line[2]) end
    redis.call('HINCRBY', ns .. ':stock:held', line[1], -line[2])
  end
  redis.call('HDEL', ns .. ':held', subject)
end

-- Takes units out of stock for messages that are their own subjects: for each all that it wants, or none. Asked again,
-- it takes no more. What becomes of them is what would if each came in a call of its own, one after the other; but
-- Redis is asked and told once for all.
--
-- untracked  'allow' or 'reject': whether items that are not tracked can be had
-- recall     the id of the message that would recall it
-- asks       whom its handler asks next for what can't be undone, or '' for nobody
-- refuses    '1' if its handler asks that also when it is short: then it stays short
-- waits      '1' if it has no place at whom it asks, and so asks nobody now
-- lines      how many lines follow, each with item and units
--
-- Reply, for each message
--       {'held', first, leave}  first: 1 if no earlier delivery may have asked anybody, or else 0; then leave to
--                     ask whom it asks, as `leave_to_ask` gives it
--       {'recalled'}  the message that recalls it waits, and goes first if this one is given back
--       {'buried'}    the message that recalls it is a dead letter, or was one and was discarded
--       {'asked', whom}  an earlier delivery asked somebody else
--       {'late'}  the delivery is no longer the latest: whoever has the message now decides
--       {'short', first, count} and for each item that is short {item, units, left}: units wanted, and units left
local queue = unpack(ARGV, 1, 1)
local FIRST, MESSAGE, LINE = 2, 8, 2
local at, reply = FIRST, {}

local function take(n)
  at = at + n
  return unpack(ARGV, at - n, at - 1)
end

local ids, recalling, items, is_item = {}, {}, {}, {}
while at <= #ARGV do
  ids[#ids + 1], recalling[#recalling + 1] = ARGV[at], ARGV[at + 3]
  at = at + MESSAGE
  for _ = 1, tonumber(ARGV[at - 1]) do
    if not is_item[ARGV[at]] then items[#items + 1] = ARGV[at] end
    is_item[ARGV[at]] = true
    at = at + LINE
  end
end

local function known(hash, fields)
  local by_field = {}
  for n, value in ipairs(values_of(hash, fields)) do by_field[fields[n]] = value end
  return by_field
end

local stock, stock_held, deliveries_key = ns .. ':stock', ns .. ':stock:held', key(queue, 'deliveries')
local states, recall_states = known(deliveries_key, ids), known(deliveries_key, recalling)
local recalls_waiting = known(key(queue, 'body'), recalling)
local all_asked, all_held, stocks = known(ns .. ':asked', ids), known(ns .. ':held', ids), known(stock, items)
local stocks_held = known(stock_held, items)

local begun = false
local function begin_once()
  if begun then return end
  begun = true
  begin({'HINCRBY', 'HSET', 'ZSCORE'}, {
    hash = {stock, stock_held, ns .. ':held', ns .. ':asked', ns .. ':partners'}, zset = {key(queue, 'due')},
  })
end

-- What is to be written of all messages.
local asked_now, held_now, taken = {}, {}, {}

local function note_asked(id, value) asked_now[#asked_now + 1], asked_now[#asked_now + 2] = id, now .. ' ' .. value end

local fails_for_all = {}
local function leave_for(id, delivery, asks)
  if fails_for_all[asks] == nil then fails_for_all[asks] = partner_of(asks).since ~= nil end
  return fails_for_all[asks] and leave_to_ask(queue, id, delivery, asks) or FREE
end

local function held(id, delivery, deliveries, asks, refuses, waits, first)
  local leave, asked = FREE, all_asked[id]
  if waits == '1' then
    leave = WAITS
  elseif asks ~= '' and refuses ~= '1' then
    -- Whoever also asks when it is short asks nobody now.
    leave = leave_for(id, delivery, asks)
  end
  -- The first delivery knows that nobody was asked. Later ones must be told, as release 0.1 kept no trace of asking.
  local nobody = first == 1 and (asked or deliveries == 1)
  if leave ~= WAITS then
    if asks ~= '' then note_asked(id, asks .. (nobody and ' new' or '')) end
  elseif nobody then
    note_asked(id, '')
  end
  reply[#reply + 1] = {'held', first, leave}
end

-- What it wants: the tracked lines, and those of which too few are left.
local function read_lines(lines, untracked)
  local wanted, short = {}, {}
  for _ = 1, lines do
    local item, units = take(LINE)
    units = tonumber(units)
    local value, gone = stocks[item], taken[item] or 0
    check_sum(stock, item, value, -(units + gone))
    local left = value and tonumber(value) - gone or nil
    local is_tracked = left ~= nil
    if not is_tracked and untracked == 'reject' then left = 0 end
    if left and left < units then
      short[#short + 1] = {item, units, left}
    elseif is_tracked then
      check_sum(stock_held, item, stocks_held[item], units + gone)
      wanted[#wanted + 1] = {item, units}
    end
  end
  return wanted, short
end

local function hold(id, delivery, untracked, recall, asks, refuses, waits, lines)
  local deliveries, _, _, holder = parse_state(states[id])
  if not holder or deliveries ~= tonumber(delivery) then
    reply[#reply + 1] = {'late'}
    return
  end
  if recalls_waiting[recall] then
    local verdict = redis.call('ZSCORE', key(queue, 'dead'), recall) and 'buried' or 'recalled'
    reply[#reply + 1] = {verdict}
    return
  end
  -- What was handed out and discarded may have undone already what is asked for next.
  if asks ~= '' and parse_state(recall_states[recall]) > 0 then
    reply[#reply + 1] = {'buried'}
    return
  end
  local asked, whom, was_short = all_asked[id], asks, ''
  if asked then whom, was_short = string.match(asked, ' (%S*)(.*)$') end
  if whom ~= asks and whom ~= '' then
    reply[#reply + 1] = {'asked', whom}
    return
  end
  local first = (not asked or whom == '') and 1 or 0
  begin_once()
  if all_held[id] then return held(id, delivery, deliveries, asks, refuses, waits, first) end

  local wanted, short = read_lines(lines, untracked)
  if #short > 0 or was_short == ' short' then
    if refuses == '1' then note_asked(id, asks .. ' short') end
    local count = #short
    reply[#reply + 1] = {'short', first, count}
    for _, shortfall in ipairs(short) do
      local item, units, left = unpack(shortfall)
      reply[#reply + 1] = {item, units, left}
    end
    return
  end
  for _, line in ipairs(wanted) do taken[line[1]] = (taken[line[1]] or 0) + line[2] end
  held_now[#held_now + 1], held_now[#held_now + 2] = id, cmsgpack.pack(wanted)
  held(id, delivery, deliveries, asks, refuses, waits, first)
end

at = FIRST
while at <= #ARGV do
  local id, delivery, untracked, recall, asks, refuses, waits, lines = take(MESSAGE)
  local after = at + LINE * lines
  hold(id, delivery, untracked, recall, asks, refuses, waits, lines)
  at = after
end
for item, units in pairs(taken) do
  redis.call('HINCRBY', stock, item, -units)
  redis.call('HINCRBY', stock_held, item, units)
end
call_with('HSET', ns .. ':held', held_now)
call_with('HSET', ns .. ':asked', asked_now)
return reply

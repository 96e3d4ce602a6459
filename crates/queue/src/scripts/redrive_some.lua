-- Sends the oldest dead letters back, all or those of one class, spread over time. One call looks at some of them, so
-- that it doesn't hold up Redis. The next call goes on behind the last letter that this one looked at.
--
-- class       '' for all
-- per_second  0 for all at once
-- most        letters that this call may send
-- after       the last letter that was looked at, or '' to begin
-- after_ms    when that letter was buried
--
-- Reply {sent, more, after, after_ms}: more is 1 if there are letters that no call has looked at yet
local queue, bell_ms, guard_ms, class, per_second, most, after, after_ms = unpack(ARGV, 1, 8)
per_second, most = tonumber(per_second), tonumber(most)
local PAGE, PAGES = 500, 4
local dead, whys = key(queue, 'dead'), key(queue, 'why')
-- As cjson writes it. In a reason, the quotes have backslashes before them.
local wanted = '"class":"' .. class .. '"'
local sent, offset = 0, 0
-- A rate holds over all calls: what comes now goes behind what came before.
local paced = math.max(now, tonumber(redis.call('GET', key(queue, 'paced')) or 0))

local function spread() return paced + math.floor(sent * 1000 / per_second) end
check_waking(queue)
begin({'HDEL', 'HGET', 'HSET', 'ZADD', 'ZRANGE', 'ZREM', 'ZSCORE'}, {
  hash = {key(queue, 'deliveries'), key(queue, 'why'), key(queue, 'subject'), key(queue, 'line')},
  zset = {key(queue, 'due'), dead},
})

if after ~= '' then
  -- The letter may have gone back meanwhile, or been buried anew.
  local is_there = redis.call('ZSCORE', dead, after) == after_ms
  offset = is_there and redis.call('ZRANK', dead, after) + 1 or redis.call('ZCOUNT', dead, '-inf', '(' .. after_ms)
end

local more = 1
for _ = 1, PAGES do
  local page = redis.call('ZRANGE', dead, offset, offset + PAGE - 1, 'WITHSCORES')
  more = #page == 2 * PAGE and 1 or 0
  for at = 1, #page, 2 do
    local id = page[at]
    if sent >= most then break end
    local is_wanted = class == '' or string.find(redis.call('HGET', whys, id) or '', wanted, 1, true)
    if is_wanted then
      revive(queue, id, per_second == 0 and now or spread())
      sent = sent + 1
    else
      offset = offset + 1
      after, after_ms = id, page[at + 1]
    end
  end
  if more == 0 or sent >= most then break end
end

if sent > 0 then
  if per_second > 0 then redis.call('SET', key(queue, 'paced'), spread()) end
  ring(queue, bell_ms, guard_ms)
  arm_earliest(queue, guard_ms)
end
return {sent, more, after, after_ms}

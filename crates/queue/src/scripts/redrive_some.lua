-- Sends the oldest dead letters back, all or those of one class, spread over time.
--
-- ARGV  1 queue, 2 bell_ms, 3 guard_ms, 4 class or '' for all, 5 per second or 0 for at once, 6 most
-- Reply {how many were sent}
local queue, class, per_second, most = ARGV[1], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
-- What one call looks at: letters of another class at the front must not make it hold up Redis.
local PAGE, PAGES = 500, 20
local due, dead, whys = key(queue, 'due'), key(queue, 'dead'), key(queue, 'why')
local sent, offset = 0, 0

for _ = 1, PAGES do
  local ids = redis.call('ZRANGE', dead, offset, offset + PAGE - 1)
  for _, id in ipairs(ids) do
    local why = cjson.decode(redis.call('HGET', whys, id) or '{}')
    if sent < most and (class == '' or why.class == class) then
      local at = now
      if per_second > 0 then at = now + math.floor(sent * 1000 / per_second) end
      revive(queue, id, at)
      sent = sent + 1
    else
      offset = offset + 1
    end
  end
  if sent >= most or #ids < PAGE then break end
end

if sent > 0 then
  ring(queue, ARGV[2], ARGV[3])
  arm_earliest(queue, ARGV[3])
end
return {sent}

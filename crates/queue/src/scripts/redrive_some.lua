-- Sends the oldest dead letters back, all or those of one class, spread over time.
--
-- class       '' for all
-- per_second  0 for all at once
--
-- Reply {sent}: how many
local queue, bell_ms, guard_ms, class, per_second, most = unpack(ARGV, 1, 6)
per_second, most = tonumber(per_second), tonumber(most)
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
  ring(queue, bell_ms, guard_ms)
  arm_earliest(queue, guard_ms)
end
return {sent}

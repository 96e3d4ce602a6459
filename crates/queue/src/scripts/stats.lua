-- Counts what a queue holds.
--
-- Reply {visible (also what waits for a place), invisible (leased, delayed, or behind another of its subject), dead,
--       oldest_ms: how long the oldest visible message has been visible, 0 if there is none}
local queue = unpack(ARGV, 1, 1)
local dead, visible, oldest_ms = redis.call('ZCARD', key(queue, 'dead')), 0, 0
for _, part in ipairs({'due', 'throttled'}) do
  visible = visible + redis.call('ZCOUNT', key(queue, part), '-inf', now)
  local oldest = redis.call('ZRANGE', key(queue, part), 0, 0, 'WITHSCORES')
  if oldest[2] then oldest_ms = math.max(oldest_ms, now - oldest[2]) end
end
-- Payloads are kept of all these and of nothing else.
local invisible = math.max(redis.call('HLEN', key(queue, 'body')) - dead - visible, 0)
return {visible, invisible, dead, oldest_ms}

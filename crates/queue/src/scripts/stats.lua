-- Counts what a queue holds.
--
-- Reply {visible, invisible (leased, delayed, or behind another of its subject), dead,
--       oldest_ms: how long the oldest visible message has been visible, 0 if there is none}
local queue = unpack(ARGV, 1, 1)
local due, dead = key(queue, 'due'), redis.call('ZCARD', key(queue, 'dead'))
local visible = redis.call('ZCOUNT', due, '-inf', now)
-- Payloads are kept of all these and of nothing else.
local invisible = redis.call('HLEN', key(queue, 'body')) - dead - visible
local oldest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
local oldest_ms = visible > 0 and now - tonumber(oldest[2]) or 0
return {visible, invisible, dead, oldest_ms}

-- Counts what a queue holds.
--
-- ARGV  1 queue
-- Reply {visible, invisible (leased, delayed, or behind another of its subject), dead, age in ms of the oldest visible
--       message or 0}
local due, dead = key(ARGV[1], 'due'), redis.call('ZCARD', key(ARGV[1], 'dead'))
-- Payloads are kept of all these and of nothing else.
local all, visible = redis.call('HLEN', key(ARGV[1], 'body')) - dead, redis.call('ZCOUNT', due, '-inf', now)
local oldest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
local age = visible > 0 and now - tonumber(oldest[2]) or 0
return {visible, all - visible, dead, age}

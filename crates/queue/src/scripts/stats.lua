-- Counts what a queue holds.
--
-- ARGV  1 queue
-- Reply {visible, invisible (leased or delayed), dead, age in ms of the oldest visible message or 0}
local due = key(ARGV[1], 'due')
local all, visible = redis.call('ZCARD', due), redis.call('ZCOUNT', due, '-inf', now)
local oldest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
local age = visible > 0 and now - tonumber(oldest[2]) or 0
return {visible, all - visible, redis.call('ZCARD', key(ARGV[1], 'dead')), age}

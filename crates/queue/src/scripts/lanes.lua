-- Lists the lanes of a queue that were ever written to.
--
-- Reply {lane, ...}
local queue = unpack(ARGV, 1, 1)
return redis.call('SMEMBERS', key(queue, 'lanes'))

-- Lists the lanes of a queue that were ever written to.
--
-- ARGV  1 queue
-- Reply {lane, ...}
return redis.call('SMEMBERS', key(ARGV[1], 'lanes'))

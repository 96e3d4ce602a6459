-- Lists the lanes of a queue: those that were ever written to, and those of its subscribers.
--
-- Reply {lane, ...}
local queue = unpack(ARGV, 1, 1)
return lanes_of(queue)

-- Lists the subscribers of a queue, and what release 0.1 left in lanes of it.
--
-- Reply {now; for each: lane, since, named, waiting, dead}: ms; 0 where nobody has named it since release 0.1
local queue = unpack(ARGV, 1, 1)
local subscribers = subscribers_of(queue)
local reply = {now}
for _, lane in ipairs(lanes_of(queue)) do
  local known = subscribers[lane]
  local since, named = known and known.since or 0, known and last_named(known) or 0
  local waiting, dead = redis.call('ZCARD', key(lane, 'due')), redis.call('ZCARD', key(lane, 'dead'))
  reply[#reply + 1] = {lane, since, named, waiting, dead}
end
return reply

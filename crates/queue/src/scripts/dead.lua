-- Lists dead letters, oldest first.
--
-- ARGV  1 queue, 2 offset, 3 most
-- Reply {for each: id, buried at in ms, why as JSON, history as JSON, payload}
local queue = ARGV[1]
local reply = {}
local letters = key(queue, 'dead')
-- By score, because by index nothing can be said that means none.
local dead = redis.call('ZRANGE', letters, '-inf', '+inf', 'BYSCORE', 'LIMIT', ARGV[2], ARGV[3], 'WITHSCORES')
for at = 1, #dead, 2 do
  local id, n = dead[at], #reply
  reply[n + 1], reply[n + 2] = id, tonumber(dead[at + 1])
  reply[n + 3] = redis.call('HGET', key(queue, 'why'), id) or ''
  reply[n + 4] = redis.call('HGET', key(queue, 'history'), id) or '[]'
  reply[n + 5] = redis.call('HGET', key(queue, 'body'), id) or ''
end
return reply

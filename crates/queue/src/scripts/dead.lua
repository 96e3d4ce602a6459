-- Lists dead letters, oldest first.
--
-- Reply {for each: id, buried_at in ms, why as JSON, history as JSON, payload}
local queue, offset, most = unpack(ARGV, 1, 3)
local reply = {}
-- By score, because a range by index can't be empty.
local dead = redis.call('ZRANGE', key(queue, 'dead'), '-inf', '+inf', 'BYSCORE', 'LIMIT', offset, most, 'WITHSCORES')
for at = 1, #dead, 2 do
  local id, buried_at = dead[at], tonumber(dead[at + 1])
  local why = redis.call('HGET', key(queue, 'why'), id) or ''
  local history = redis.call('HGET', key(queue, 'history'), id) or '[]'
  local payload = redis.call('HGET', key(queue, 'body'), id) or ''
  reply[#reply + 1] = {id, buried_at, why, history, payload}
end
return reply

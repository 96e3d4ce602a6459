-- Looks for messages by how their ids begin: a part of them at each call, so that none takes long.
--
-- prefix  how the ids begin, without characters that mean something in a pattern
-- from    '0', or where the last call ended
--
-- Reply {next}, then {id, payload} for each message found: '0' after the last part
local queue, prefix, from = unpack(ARGV, 1, 3)
local PART = 1000
local part = redis.call('HSCAN', key(queue, 'body'), from, 'MATCH', prefix .. '*', 'COUNT', PART)
local next = part[1]
local reply = {next}
for at = 1, #part[2], 2 do
  local id, payload = part[2][at], part[2][at + 1]
  reply[#reply + 1] = {id, payload}
end
return reply

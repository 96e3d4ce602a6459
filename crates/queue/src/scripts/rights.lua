-- Lists the rights that the user lacks. Touches no key and declares none: a Redis refuses a script on a key that the
-- user may not touch, and then nothing could be told.
--
-- kind  of what is named: 'script' for a command that takes a script; 'command' and 'keys'; 'call' and 'channel'
--
-- Reply {for each that is missing: kind, name}. A command, or call, also if it is only refused because the user has no
-- right to any of the keys, or channels: Redis does not tell these apart.
local most, named, reply = #ARGV - 1, {script = {}, command = {}, keys = {}, call = {}, channel = {}}, {}
-- Redis 6 has no such function.
if not redis.acl_check_cmd then return reply end

-- A command that was renamed is an error there.
local function may(...)
  local ok, allowed = pcall(redis.acl_check_cmd, ...)
  return ok and allowed
end

for at = 1, most, 2 do
  local kind, name = unpack(ARGV, at, at + 1)
  table.insert(named[kind], name)
end

local function lacks(kind, name) reply[#reply + 1] = {kind, name} end

-- Each command is given as many arguments as it needs at least, because Redis looks for keys among them unasked.
local function may_any(commands, name)
  for _, command in ipairs(commands) do
    if may(command, name, name, name) then return true end
  end
  return false
end

local function may_on_any(command, names)
  for _, name in ipairs(names) do
    if may(command, name, name, name) then return true end
  end
  return false
end

local READ, WRITE = {'GET', 'HGET', 'EXISTS', 'ZSCORE', 'SISMEMBER'}, {'SET', 'DEL', 'HSET', 'ZADD', 'SADD', 'RPUSH'}

for _, name in ipairs(named.script) do
  if not may(name, '', '0') then lacks('script', name) end
end
for _, name in ipairs(named.command) do
  if not may_on_any(name, named.keys) then lacks('command', name) end
end
for _, name in ipairs(named.keys) do
  if not (may_any(READ, name) and may_any(WRITE, name)) then lacks('keys', name) end
end
for _, name in ipairs(named.call) do
  if not may_on_any(name, named.channel) then lacks('call', name) end
end
for _, name in ipairs(named.channel) do
  if not may_any(named.call, name) then lacks('channel', name) end
end
return reply

-- Takes entries out of the log by how their events' ids begin: looks at a part of it at each call.
--
-- mark  a text that the event holds
-- from  the entry to begin with: a time in ms, or what the last call gave
--
-- Reply {next}: '' after the last part
local prefix, mark, from = unpack(ARGV, 1, 3)
local PART = 500
local log = ns .. ':log'
local entries, numbers = redis.call('XRANGE', log, from, '+', 'COUNT', PART), {}
for _, entry in ipairs(entries) do
  local event, payload = entry[2][2], entry[2][4]
  local is_meant = string.sub(event, 1, #prefix) == prefix and string.find(payload, mark, 1, true)
  if is_meant then numbers[#numbers + 1] = entry[1] end
end
if numbers[1] then
  begin_even_if_full({'XDEL'}, {stream = {log}})
  call_with('XDEL', log, numbers)
end
local last = entries[PART]
local next = last and '(' .. last[1] or ''
return {next}

-- Reads the counters.
--
-- Reply {for each: counter, total}
local reply, totals = {}, redis.call('HGETALL', ns .. ':totals')
for at = 1, #totals, 2 do
  local counter, total = totals[at], tonumber(totals[at + 1])
  reply[#reply + 1] = {counter, total}
end
return reply

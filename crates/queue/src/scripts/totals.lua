-- Reads what was counted.
--
-- Reply {for each counter: name, number}
local totals = redis.call('HGETALL', ns .. ':totals')
for at = 2, #totals, 2 do totals[at] = tonumber(totals[at]) end
return totals

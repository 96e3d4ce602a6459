-- Asks for leave to ask a partner for what can't be undone. A message that holds has it from its hold.
--
-- Reply {leave}, as `leave_to_ask` gives it
local queue, id, delivery, partner = unpack(ARGV, 1, 4)
begin({'HGET', 'HSET', 'ZSCORE'}, {
  hash = {key(queue, 'deliveries'), ns .. ':partners'}, zset = {key(queue, 'due')},
})
local leave = leave_to_ask(queue, id, delivery, partner)
return {leave}

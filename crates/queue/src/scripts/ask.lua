-- Asks for leave to ask a partner for what can't be undone. A message that holds has it from its hold.
--
-- Reply {leave, since}: 'free'; 'probe', alone, as the partner fails for all since then; or 'waits'
local queue, id, delivery, partner = unpack(ARGV, 1, 4)
begin({'HGET', 'HSET', 'ZSCORE'}, {
  hash = {key(queue, 'deliveries'), ns .. ':partners'}, zset = {key(queue, 'due')},
})
local leave, since = leave_to_ask(queue, id, delivery, partner)
return {leave, since}

-- Says where a message is.
--
-- ARGV  1 queue, 2 message id
-- Reply {now, head or '', place, payload, why}: place is 'queue', 'dead' or ''; the payload is given for these two
--       when there is no head, why (JSON) for a dead letter
local queue, id = ARGV[1], ARGV[2]
local head = redis.call('HGET', ns .. ':head', id) or ''
local place, why = '', ''
if redis.call('ZSCORE', key(queue, 'due'), id) then
  place = 'queue'
elseif redis.call('ZSCORE', key(queue, 'dead'), id) then
  place, why = 'dead', redis.call('HGET', key(queue, 'why'), id) or ''
end
local payload = head == '' and place ~= '' and redis.call('HGET', key(queue, 'body'), id) or ''
return {now, head, place, payload, why}

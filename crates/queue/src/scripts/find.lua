-- Says where a message is.
--
-- ARGV  1 queue, 2 message id
-- Reply {now, head or '', place, payload, why}: place is 'queue', 'dead', 'discarded' or ''; the payload is given for the
--       first two when there is no head, why (JSON) for the second and third
local queue, id = ARGV[1], ARGV[2]
local head = redis.call('HGET', ns .. ':head', id) or ''
local place, why = '', ''
if redis.call('ZSCORE', key(queue, 'due'), id) then
  place = 'queue'
elseif redis.call('ZSCORE', key(queue, 'dead'), id) then
  place, why = 'dead', redis.call('HGET', key(queue, 'why'), id) or ''
end
if place == '' and head == '' then
  local discarded = redis.call('HGET', key(queue, 'discarded'), id)
  if discarded then place, why = 'discarded', discarded end
end
local payload = head == '' and place ~= '' and redis.call('HGET', key(queue, 'body'), id) or ''
return {now, head, place, payload, why}

-- Says where messages of one subject are.
--
-- ARGV  1 queue, 2 subject, then message ids
-- Reply {now, head or '', then for each id: place, payload, why}: place is 'queue', 'dead', 'discarded' or ''; the payload is
--       given for the first two when there is no head, why (JSON) for the second and third
local queue, subject = ARGV[1], ARGV[2]
local head = redis.call('HGET', ns .. ':head', subject) or ''
local reply = {now, head}
for at = 3, #ARGV do
  local id, place, why = ARGV[at], '', ''
  if redis.call('ZSCORE', key(queue, 'dead'), id) then
    place, why = 'dead', redis.call('HGET', key(queue, 'why'), id) or ''
  elseif redis.call('HEXISTS', key(queue, 'body'), id) == 1 then
    place = 'queue'
  elseif head == '' then
    local discarded = redis.call('HGET', key(queue, 'discarded'), id)
    if discarded then place, why = 'discarded', discarded end
  end
  local n = #reply
  reply[n + 1] = place
  reply[n + 2] = head == '' and place ~= '' and redis.call('HGET', key(queue, 'body'), id) or ''
  reply[n + 3] = why
end
return reply

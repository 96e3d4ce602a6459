-- Says where messages of one subject are.
--
-- Reply {now, head or '', asked, then for each id: state, payload, why, deliveries}: asked is as in the key, or '';
--       state is 'queued', 'dead', 'discarded' or ''; the payload is given for the first two when there is no head, why
--       (JSON) for the second and third
local queue, subject = unpack(ARGV, 1, 2)
local head = redis.call('HGET', ns .. ':head', subject) or ''
local asked = redis.call('HGET', ns .. ':asked', subject) or ''
local reply = {now, head, asked}
for at = 3, #ARGV do
  local id = unpack(ARGV, at, at)
  local state, payload, why, deliveries = '', '', '', read_state(queue, id)
  if redis.call('ZSCORE', key(queue, 'dead'), id) then
    state, why = 'dead', redis.call('HGET', key(queue, 'why'), id) or ''
  elseif redis.call('HEXISTS', key(queue, 'body'), id) == 1 then
    state = 'queued'
  elseif head == '' or deliveries > 0 then
    -- Where there is a head, only a follow-up that was discarded still has its deliveries counted.
    local discarded = redis.call('HGET', key(queue, 'discarded'), id)
    if discarded then state, why = 'discarded', discarded end
  end
  if head == '' and state ~= '' then payload = redis.call('HGET', key(queue, 'body'), id) or '' end
  reply[#reply + 1] = {state, payload, why, deliveries}
end
return reply

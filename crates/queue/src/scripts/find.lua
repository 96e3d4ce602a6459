-- Says where messages of some subjects are.
--
-- each  how many ids come with each subject
--
-- Reply {now}, then for each subject {head or '', asked}, where asked is as in the key, and for each of its ids
--       {state, payload, why, deliveries}: state is 'queued', 'dead', 'discarded' or ''; the payload is given for the
--       first two when there is no head, why (JSON) for the second and third
local queue, each = unpack(ARGV, 1, 2)
local subjects, ids = {}, {}
for at = 3, #ARGV, each + 1 do
  local subject = unpack(ARGV, at, at)
  subjects[#subjects + 1] = subject
  for n = at + 1, at + each do
    local id = unpack(ARGV, n, n)
    ids[#ids + 1] = id
  end
end

local heads, asked_of = values_of(ns .. ':head', subjects), values_of(ns .. ':asked', subjects)
local bodies, states = values_of(key(queue, 'body'), ids), values_of(key(queue, 'deliveries'), ids)
local buried = ids[1] and redis.call('ZMSCORE', key(queue, 'dead'), unpack(ids))

local function find(at, head)
  local state, why, deliveries = '', '', parse_state(states[at])
  if buried[at] then
    state, why = 'dead', redis.call('HGET', key(queue, 'why'), ids[at]) or ''
  elseif bodies[at] then
    state = 'queued'
  elseif head == '' or deliveries > 0 then
    -- Where there is a head, only a follow-up that was discarded still has its deliveries counted.
    local discarded = redis.call('HGET', key(queue, 'discarded'), ids[at])
    if discarded then state, why = 'discarded', discarded end
  end
  return state, head == '' and state ~= '' and bodies[at] or '', why, deliveries
end

local reply = {now}
for n, head in ipairs(heads) do
  local head, asked = head or '', asked_of[n] or ''
  reply[#reply + 1] = {head, asked}
  for at = (n - 1) * each + 1, n * each do
    local state, payload, why, deliveries = find(at, head)
    reply[#reply + 1] = {state, payload, why, deliveries}
  end
end
return reply

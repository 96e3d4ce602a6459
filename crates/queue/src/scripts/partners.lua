-- Lists the partners of which something is known.
--
-- Reply {for each: partner, since, why}: since when it fails for all, and how; 0 and '' if it doesn't
local all, reply = redis.call('HGETALL', ns .. ':partners'), {}
for at = 1, #all, 2 do
  local partner, known = all[at], decoded(cmsgpack.unpack, all[at + 1]) or {}
  local since, why = known.since or 0, known.why or ''
  reply[#reply + 1] = {partner, since, why}
end
return reply

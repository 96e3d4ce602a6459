-- Adds units to what is left of an item, or takes some away, but never more than are left, and never up to more than
-- `most`. Once per idempotency key.
--
-- by           units, negative to take away
-- most         units that may be left
-- digest       of the idempotency key, or '': each call counts
-- fingerprint  of item and units, 16 bytes
--
-- Reply {'adjusted', left, held}
--       {'replayed', left, held}  the key is known with this fingerprint. This is the stock now
--       {'conflict'}              the key is known with another fingerprint
--       {'short', left, held}     nothing was done
--       {'over', left, held}      nothing was done
--       {'untracked'}
local item, by, most, digest, fingerprint, ttl_ms = unpack(ARGV, 1, 6)
local stock, stock_held = ns .. ':stock', ns .. ':stock:held'
begin({'HINCRBY'}, {hash = {stock, stock_held, ns .. ':seen'}})
local first = digest ~= '' and used_for(redis.call('HGET', ns .. ':seen', digest))
if first and first ~= fingerprint then return {'conflict'} end
local left, held = redis.call('HGET', stock, item), redis.call('HGET', stock_held, item)
check_sum(stock, item, left, by)
check_sum(stock_held, item, held, 0)
left, held = tonumber(left or nil), tonumber(held or 0)
if not left then return {'untracked'} end
if first then return {'replayed', left, held} end
local units = tonumber(by)
if left + units < 0 then return {'short', left, held} end
if units > 0 and left + units > tonumber(most) then return {'over', left, held} end
left = redis.call('HINCRBY', ns .. ':stock', item, by)
if digest ~= '' then remember_key(digest, fingerprint, ttl_ms, '') end
return {'adjusted', left, held}

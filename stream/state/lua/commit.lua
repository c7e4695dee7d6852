-- One batch: refuse if the stored position is not the expected one, else write everything and the new position.
-- KEYS[1] position, KEYS[2] ranking; ARGV[1] msgpack of {expected, new, root, values, deleted, ranked, unranked} with
-- values = {short key, bytes, ttl in ms or 0, ...} and ranked = {score, member, ...}. Returns nil, or what was found.
local batch = cmsgpack.unpack(ARGV[1])
local found = redis.call('GET', KEYS[1]) or ''
if found ~= batch[1] then return found end
local root = batch[3]
local function each(list, step, call)
  for from = 1, #list, step * 500 do
    call(unpack(list, from, math.min(from + step * 500 - 1, #list)))
  end
end
local values, lasting = batch[4], {}
for i = 1, #values, 3 do
  if values[i + 2] > 0 then
    redis.call('SET', root .. values[i], values[i + 1], 'PX', values[i + 2])
  else
    lasting[#lasting + 1] = root .. values[i]
    lasting[#lasting + 1] = values[i + 1]
  end
end
each(lasting, 2, function(...) redis.call('MSET', ...) end)
for _, key in ipairs(batch[5]) do redis.call('DEL', root .. key) end
each(batch[6], 2, function(...) redis.call('ZADD', KEYS[2], ...) end)
each(batch[7], 1, function(...) redis.call('ZREM', KEYS[2], ...) end)
redis.call('SET', KEYS[1], batch[2])
return nil

-- Set all values if each is still the expected one, else none. KEYS[1] any key of the hash tag; ARGV[1] msgpack of
-- {root, changes} with changes = {short key, expected bytes or '' for none, new bytes, ...}. Returns 1 if set, else 0.
local swap = cmsgpack.unpack(ARGV[1])
local root, changes = swap[1], swap[2]
for i = 1, #changes, 3 do
  if (redis.call('GET', root .. changes[i]) or '') ~= changes[i + 1] then return 0 end
end
for i = 1, #changes, 3 do redis.call('SET', root .. changes[i], changes[i + 2]) end
return 1

/*
 * What is done in Redis, each script as one step that nothing comes between. `KEYS` and `ARGV` are
 * named at the top of each.
 */

/** Does nothing; shows that Redis answers. */
export const PING = "return redis.call('PING')"

/**
 * The lease; its owner, how long it lasts (ms), the longest that any lasts (ms). A lease that never
 * ends, or in more than that, was given when the clock of Redis was wrong.
 */
export const HOLD_LEASE = `
local owner = redis.call('GET', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if owner and owner ~= ARGV[1] and left >= 0 and left <= tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`

/** The lease; its owner. */
export const RELEASE_LEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`

/** The lease, the provider's round; the owner, the round, the least interval, the most ahead (ms). */
export const CLAIM_ROUND = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local last = tonumber(redis.call('GET', KEYS[2]))
local round = tonumber(ARGV[2])
if last and last ~= round
  and last > round - tonumber(ARGV[3]) and last <= round + tonumber(ARGV[4]) then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1`

/**
 * The windows; of each its limit (or nothing) and how long to keep it from now (ms). Answers which
 * of them is spent, from 1 on; or 0, and the calls of each.
 */
export const COUNT_CALL = `
for i, window in ipairs(KEYS) do
  local limit = tonumber(ARGV[2 * i - 1])
  if limit and tonumber(redis.call('GET', window) or 0) >= limit then return {i} end
end
local answer = {0}
for i, window in ipairs(KEYS) do
  answer[i + 1] = redis.call('INCR', window)
  redis.call('PEXPIRE', window, ARGV[2 * i])
end
return answer`

/** The windows. Answers the calls of each. */
export const CALLS_IN = `
local calls = {}
for i, window in ipairs(KEYS) do calls[i] = tonumber(redis.call('GET', window) or 0) end
return calls`

/** The lease, the name of the value; the owner, the value, how long to keep it (ms). */
export const PUBLISH = `
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end`

/** The name of the value. */
export const READ = "return redis.call('GET', KEYS[1])"

/** A limit's window; how long it lasts (ms). Answers the count with this one, and what is left (ms). */
export const COUNT_REQUEST = `
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[1]) then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return { count, left }`

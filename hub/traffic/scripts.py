"""The shared state's steps in Lua. Redis runs each as one; its own clock is everybody's clock.

A breaker is a hash: failures, first, opens, opened, until, probe, reason (times in ms). A bucket
is a hash: tokens, at, live. `uzel:troubled` lists the breakers. The same in Python: `local`.
"""

from __future__ import annotations

from typing import Final

_NOW: Final = """
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
"""

#: KEYS: breaker, bucket…; ARGV: now or 0, urgency, hold, grace, look, then rate, burst, reserve
#: of each bucket. Returns {kind, wait, reason, troubled, probing}.
ENTER: Final = (
    _NOW
    + """
local urgency, hold = tonumber(ARGV[2]), tonumber(ARGV[3])
local record = redis.call('HMGET', KEYS[1], 'until', 'probe', 'reason', 'failures')
local troubled = record[4] and 1 or 0
if record[1] and urgency < 2 then
  local probe = math.min(tonumber(record[2] or 0) - now, tonumber(ARGV[5]))
  local wait = math.max(tonumber(record[1]) - now, probe)
  if wait > 0 then return {'open', math.ceil(wait), record[3] or '', 1, 0} end
end
local waits, longest = {}, 0
for i = 2, #KEYS do
  local at = 6 + (i - 2) * 3
  local rate, burst, reserve = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local bucket = redis.call('HMGET', KEYS[i], 'tokens', 'at', 'live')
  local gained = math.max(0, now - tonumber(bucket[2] or now)) * rate / 1000
  local tokens = math.min(burst, tonumber(bucket[1] or burst) + gained)
  local need = 1
  if urgency == 0 then need = need + reserve end
  local wait = math.max(0, math.ceil((need - tokens) * 1000 / rate - 0.001))
  if urgency == 0 then wait = math.max(wait, tonumber(bucket[3] or 0) - now) end
  redis.call('HSET', KEYS[i], 'tokens', tostring(tokens), 'at', now)
  redis.call('PEXPIRE', KEYS[i], math.ceil(burst * 1000 / rate) + 60000)
  waits[i] = wait
  longest = math.max(longest, wait)
end
if longest > 0 then
  if urgency > 0 then
    for i = 2, #KEYS do
      if waits[i] > 0 then
        redis.call('HSET', KEYS[i], 'live', math.ceil(now + waits[i] + tonumber(ARGV[4])))
      end
    end
  end
  return {'full', math.ceil(longest), '', troubled, 0}
end
for i = 2, #KEYS do
  redis.call('HINCRBYFLOAT', KEYS[i], 'tokens', -1)
  if urgency > 0 then redis.call('HDEL', KEYS[i], 'live') end
end
if record[1] then
  redis.call('HSET', KEYS[1], 'probe', now + hold)
  return {'go', 0, '', 1, 1}
end
return {'go', 0, '', troubled, 0}
"""
)

#: KEYS: breaker, troubled; ARGV: now or 0, failures, window, rest, longest, reason, after or -1,
#: probing.
FAILED: Final = (
    _NOW
    + """
local most, window, rest = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local longest, after, probing = tonumber(ARGV[5]), tonumber(ARGV[7]), ARGV[8] == '1'
local record = redis.call('HMGET', KEYS[1], 'failures', 'first', 'opens', 'opened', 'until')
local failures, first = tonumber(record[1] or 0), tonumber(record[2] or 0)
local opens, opened, open_until = tonumber(record[3] or 0), record[4], tonumber(record[5] or 0)
if now - first > window and open_until == 0 then failures, first = 0, now end
failures = failures + 1
local till = 0
if after >= 0 then till = now + math.min(after, longest) end
if (probing or open_until == 0) and (probing or failures >= most) then
  till = math.max(till, now + math.min(longest, rest * 2 ^ opens))
  opens = opens + 1
end
redis.call('HSET', KEYS[1], 'failures', failures, 'first', first, 'opens', opens,
  'reason', ARGV[6])
if till > 0 then
  open_until = math.max(till, open_until)
  redis.call('HSET', KEYS[1], 'until', open_until, 'opened', opened or now)
end
if probing then redis.call('HDEL', KEYS[1], 'probe') end
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(open_until, now) - now + window + longest))
redis.call('SADD', KEYS[2], KEYS[1])
return 1
"""
)

-- wrk's requests: every one has an id and a signature of its own.
-- Arguments: path, file of hex signatures (64 bytes each), the first one's place, file with the
-- body's head and tail (a line each).
local number, signatures, head, tail, start

function init(args)
  local path = args[1]
  local file = io.open(args[2], "rb")
  number = tonumber(args[3])
  file:seek("set", number * 64)
  signatures = file:read("*a")
  file:close()
  first = number
  local body = io.open(args[4], "rb")
  head = body:read("*l")
  tail = body:read("*l")
  body:close()
  start = "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\n"
    .. "Content-Type: application/json\r\nUser-Agent: site-forms/1.0\r\nContent-Length: "
    .. (#head + 9 + #tail) .. "\r\nX-Signature: sha256="
end

function request()
  local place = (number - first) * 64
  local signature = signatures:sub(place + 1, place + 64)
  local id = string.format("%09d", number)
  number = number + 1
  return start .. signature .. "\r\n\r\n" .. head .. id .. tail
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "refused": %d, "broken": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, failed.status, failed.connect + failed.read + failed.write + failed.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end

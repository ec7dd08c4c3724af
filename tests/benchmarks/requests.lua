-- For wrk: sends the requests of a file in turn, one a line: path, cookie, body, with tabs between.
-- Ten @ in a body become a number that no other request has.
local texts, numbered, sent = {}, false, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, cookie, body = line:match("^(.-)\t(.-)\t(.*)$")
    local headers = { ["Content-Type"] = "application/json" }
    if cookie ~= "" then headers["Cookie"] = cookie end
    texts[#texts + 1] = wrk.format("POST", path, headers, body)
    numbered = numbered or body:find("@@@@@@@@@@", 1, true) ~= nil
  end
  sent = tonumber(arguments[2])
end

function request()
  sent = sent + 1
  local text = texts[sent % #texts + 1]
  if numbered then text = text:gsub("@@@@@@@@@@", string.format("%010d", sent)) end
  return text
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"duration_us":%d,"failures":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end

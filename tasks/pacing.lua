-- The pace of one endpoint, shared by all workers. KEYS[1] names the endpoint; every other key begins with it.
-- Times are milliseconds of the server's own clock, so that workers need not agree on theirs.
local main, held, seen, want, last = KEYS[1], KEYS[1] .. ":held", KEYS[1] .. ":seen", KEYS[1] .. ":want", KEYS[1] .. ":last"
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function number(field) return tonumber(redis.call("HGET", main, field) or "0") or 0 end

local function keep(field, value) redis.call("HSET", main, field, value) end

local function hold(ms, why)
  if now + ms > number("until") then
    keep("until", now + ms)
    keep("why", why)
  end
end

-- note: what a reply taught. good: all clear. throttled: wait so long. failing: one more in a row.
if ARGV[1] == "note" then
  local kind, ms, why, limit, base, most = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
  if kind == "good" then
    redis.call("HDEL", main, "fails", "level", "half", "trial")
    return {0, 0, "", 0, number("born"), 0, 0}
  end
  redis.call("HDEL", main, "solo", "solo_until")
  local was_over = now >= number("until")
  if kind == "throttled" then
    local level = number("level")
    if was_over then
      level = level + 1
      keep("level", level)
    end
    -- A server that goes on saying no after each wait is asked by one call at a time, and less and less often.
    local grown = base * 2 ^ (level - 1)
    if ms == 0 then ms = math.min(grown, most) elseif level > 2 then ms = math.max(ms, math.min(grown, most)) end
    if level > 2 then keep("half", 1) end
    redis.call("HDEL", main, "trial")
    hold(ms, why)
  elseif number("half") == 1 then
    if was_over then
      local level = number("level") + 1
      keep("level", level)
      redis.call("HDEL", main, "trial")
      hold(math.min(base * 2 ^ (level - 1), most), why)
    end
  else
    local fails = number("fails") + 1
    keep("fails", fails)
    if fails >= limit then
      keep("half", 1)
      keep("level", 1)
      hold(base, why)
    end
  end
  return {0, math.max(0, number("until") - now), redis.call("HGET", main, "why") or "", 1, number("born"), number("half"), 0}
end

-- ask: I hold `mine` places and want `wanted` more. -1: I leave.
local holder, collection, mine, wanted = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local limit, gap, burst, expiry = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local known_hold, known_why, known_born, known_half, quiet = tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])
local solo_ms = tonumber(ARGV[15])

for _, name in ipairs(redis.call("ZRANGEBYSCORE", seen, "-inf", now)) do
  redis.call("HDEL", held, name)
  redis.call("ZREM", seen, name)
end
if number("born") == 0 then
  keep("born", now)
  -- The server was emptied: wait until the others have said what they hold.
  if known_born ~= 0 then
    keep("until", now + quiet)
    keep("why", "the broker was emptied: workers are counting again what is under way")
    if known_half == 1 then keep("half", 1) end
  end
end
if known_hold > 0 then hold(known_hold, known_why) end
if mine < 0 then
  mine = 0
  redis.call("HDEL", held, holder)
  redis.call("ZREM", seen, holder)
else
  redis.call("HSET", held, holder, mine)
  redis.call("ZADD", seen, now + expiry, holder)
end

local granted, wait, solo = 0, 0, 0
local half = number("half")
local solo_holder = redis.call("HGET", main, "solo") or holder
if now < number("until") then
  wait = number("until") - now
elseif solo_holder ~= holder and now < number("solo_until") then
  wait = number("solo_until") - now
elseif half == 1 and number("trial") > now then
  wait = 100
else
  local all, places = 0, {}
  local rows = redis.call("HGETALL", held)
  for i = 1, #rows, 2 do
    local owner, count = string.match(rows[i], "^[^/]*"), tonumber(rows[i + 1])
    places[owner] = (places[owner] or 0) + count
    all = all + count
  end
  redis.call("ZREMRANGEBYSCORE", want, "-inf", now - 300)
  local others = redis.call("ZRANGE", want, 0, -1)
  local tat = math.max(number("tat"), now)
  local mine_last = tonumber(redis.call("HGET", last, collection) or "0")
  while granted < wanted do
    if all >= limit then wait = 50 break end
    if gap > 0 and tat - now > burst then wait = math.ceil(tat - now - burst) break end
    local turn = true
    for _, other in ipairs(others) do
      if other ~= collection then
        local theirs, my = places[other] or 0, places[collection] or 0
        local theirs_last = tonumber(redis.call("HGET", last, other) or "0")
        if theirs < my or (theirs == my and theirs_last < mine_last) then turn = false end
      end
    end
    if not turn then wait = 10 break end
    granted, all, mine_last = granted + 1, all + 1, now
    places[collection] = (places[collection] or 0) + 1
    tat = tat + gap
    if half == 1 then
      keep("trial", now + 60000)
      wait = 100
      break
    end
  end
  if granted > 0 then
    redis.call("HSET", last, collection, now)
    redis.call("EXPIRE", last, 86400)
    redis.call("HSET", held, holder, mine + granted)
    if gap > 0 then keep("tat", tat) end
  end
end
if granted < wanted and now >= number("until") then
  redis.call("ZADD", want, now, collection)
else
  redis.call("ZREM", want, collection)
end
local troubled = (half == 1 or number("fails") > 0 or number("level") > 0) and 1 or 0
-- One that is alone here has all places to itself for a while, and gives them to its calls without asking. Nobody else
-- is granted one until then, and what it holds counts as all of them until it asks again.
if gap == 0 and troubled == 0 and now >= number("until") and mine + granted > 0 and redis.call("ZCARD", seen) == 1 then
  solo = solo_ms
  redis.call("HSET", main, "solo", holder, "solo_until", now + solo)
  redis.call("HSET", held, holder, limit)
elseif solo_holder == holder then
  redis.call("HDEL", main, "solo", "solo_until")
end
return {granted, wait, now < number("until") and redis.call("HGET", main, "why") or "", troubled, number("born"), half, solo}

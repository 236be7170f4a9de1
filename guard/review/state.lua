-- The review queue's only writer, first half: its keys, and the steps an item takes. `verbs.lua`
-- follows in the same script and answers the calls.
--
-- Rules: all keys are in KEYS, under one hash tag, so that a cluster can follow; everything is
-- checked before the first write, and the first write is one that a full Redis refuses, because an
-- error in the middle keeps the writes before it; time is Redis's own and never runs backwards;
-- repeating a call is safe; what people wrote is sealed and never parsed here.
--
-- KEYS (milliseconds since the epoch wherever a time is kept; "by arrived": in order of arrival):
--   1  payload    hash   id -> the item, sealed
--   2  meta       hash   id -> JSON without text: what was given at enqueue (deadline, urgency, risk,
--                        on_deadline, route, model, categories, rules, digest, twin, budget, ended),
--                        and state, arrived, seq (of its last change), created, whole, leader,
--                        token, reviewer, since, lease_until, escalated, decided, decision_id,
--                        outcome, by, commits (end of the undo window), effects (how often it went out)
--   3  decisions  hash   id -> the decision's words, sealed
--   4  arriving   zset   id by arrived: its reply has not ended, nobody may decide
--   5  waiting    zset   id by arrived: for a person to take
--   6  claimed    zset   id by arrived: under a lease
--   7  decided    zset   id by arrived: by a person or the policy; perhaps still to be undone
--   8  expired    zset   id by arrived: ended by its deadline or the budget
--   9  urgent     zset   id by urgency: waiting, and no copy of another
--  10  senior     zset   id by urgency: the same, escalated
--  11  leases     zset   id by lease_until: whatever is claimed
--  12  deadlines  zset   id by deadline: whatever is undecided
--  13  undo       zset   id by the end of its undo window
--  14  retention  zset   id by the time it may be forgotten: whatever has ended
--  15  duplicates hash   twin (keyed digest) -> id of the item that stands for all its copies
--  16  merged     zset   leader, NUL, id: the copies of an item that is undecided
--  17  index      hash   decision_id -> id; -id once undone, ~id of a skip
--  18  skips      hash   id -> JSON list of {by, at, why}: who gave it back; why is sealed
--  19  budget     hash   route -> hour and how many were queued in it
--  20  spare      zset   route, NUL, hour, NUL, risk, NUL, id: waiting ones that count to a budget
--  21  hooks      zset   id by the time of its next webhook
--  22  tries      hash   id -> how often its webhook was tried
--  23  dead       zset   id by the time its webhook was given up
--  24  effects    stream item, state: one for each that ended; wakes who waits for it
--  25  audit      stream n, event, item, seq, at and what belongs to it: every step
--  26  counters   hash   seq, arrived, token, clock, audit, bytes (of payloads), totals

local payload, meta, decisions = KEYS[1], KEYS[2], KEYS[3]
local sets = {
  arriving = KEYS[4], waiting = KEYS[5], claimed = KEYS[6], decided = KEYS[7], expired = KEYS[8]
}
local urgent, senior, leases, deadlines = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local undo, retention, duplicates, merged = KEYS[13], KEYS[14], KEYS[15], KEYS[16]
local index, skips, budget, spare = KEYS[17], KEYS[18], KEYS[19], KEYS[20]
local hooks, tries, dead = KEYS[21], KEYS[22], KEYS[23]
local effects, audit, counters = KEYS[24], KEYS[25], KEYS[26]

-- Effects that may stand unread before the oldest go. A waiter who missed one looks for itself.
local EFFECTS_MAX = 100000
-- Items one sweep takes at most, so that Redis is not kept from others for more than about 10 ms.
local SWEEP_MAX = 300
-- Copies one item stands for at most: one decision answers them all at once, in a few ms.
local COPIES_MAX = 200
-- Items a claim looks at before it says that there is nothing: all of them skipped by this person.
local LOOK_MAX = 5000
local HOUR = 3600000

local config = cjson.decode(ARGV[2]) -- keep (ms), items and bytes (the most), hooks

local function number(name)
  return tonumber(redis.call('HGET', counters, name) or 0)
end

local function clock()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return math.max(now, number('clock'))
end

local now = clock()

local function read(id)
  local raw = redis.call('HGET', meta, id)
  return raw and cjson.decode(raw)
end

local function view(id)
  return {
    redis.call('HGET', payload, id),
    redis.call('HGET', meta, id),
    redis.call('HGET', decisions, id),
    redis.call('HGET', skips, id)
  }
end

-- The first write of every change: refused as a whole when Redis is full or a replica.
local function write(id, item)
  item.seq = redis.call('HINCRBY', counters, 'seq', 1)
  redis.call('HSET', counters, 'clock', now)
  redis.call('HSET', meta, id, cjson.encode(item))
end

local function move(id, item, state)
  local from = item.state
  item.state = state
  write(id, item)
  if from then
    redis.call('ZREM', sets[from], id)
  end
  redis.call('ZADD', sets[state], item.arrived, id)
end

local function total(name, by)
  redis.call('HINCRBY', counters, name, by or 1)
end

-- A line of the audit trail; `...` are names and values.
local function record(event, id, item, ...)
  redis.call('XADD', audit, '*', 'n', redis.call('HINCRBY', counters, 'audit', 1),
    'event', event, 'item', id, 'seq', item.seq, 'at', now, 'route', item.route, ...)
end

local function spare_name(id, item)
  return table.concat({item.route, item.hour, string.format('%07d', item.risk), id}, '\0')
end

local function lex(prefix)
  return '[' .. prefix .. '\0', '[' .. prefix .. '\0\255'
end

local function copies(id)
  local found = {}
  local from, to = lex(id)
  for _, name in ipairs(redis.call('ZRANGEBYLEX', merged, from, to)) do
    found[#found + 1] = string.sub(name, #id + 2)
  end
  return found
end

-- For a person to take: `urgent` holds what stands for itself.
local function offer(id, item)
  redis.call('ZADD', item.escalated and senior or urgent, item.urgency, id)
end

-- Out of everybody's hands: not to be taken, not under a lease, no deadline, no copies to come.
local function withdraw(id, item)
  for _, set in ipairs({urgent, senior, leases, deadlines}) do
    redis.call('ZREM', set, id)
  end
  if item.hour then
    redis.call('ZREM', spare, spare_name(id, item))
  end
  if item.twin and redis.call('HGET', duplicates, item.twin) == id then
    redis.call('HDEL', duplicates, item.twin)
  end
  if item.leader then
    redis.call('ZREM', merged, item.leader .. '\0' .. id)
  end
end

-- What was decided takes effect, once, for the item and for its copies.
local function commit(id, item)
  local late = item.commits
  item.commits = nil
  item.effects = (item.effects or 0) + 1
  write(id, item)
  redis.call('ZREM', undo, id)
  redis.call('ZADD', retention, now + config.keep, id)
  redis.call('XADD', effects, 'MAXLEN', '~', EFFECTS_MAX, '*', 'item', id, 'state', item.state)
  if config.hooks then
    redis.call('ZADD', hooks, now, id)
  end
  if late then
    record('committed', id, item, 'decision', item.decision_id)
  end
end

-- Ends an item. `words` is the sealed decision, or false where the policy alone speaks.
local function settle(id, item, state, decision_id, outcome, by, words, undo_ms)
  item.decided, item.decision_id, item.outcome, item.by = now, decision_id, outcome, by
  item.lease_until = nil
  move(id, item, state)
  withdraw(id, item)
  if words then
    redis.call('HSET', decisions, id, words)
  end
  total(state == 'expired' and 'total_expired' or 'total_' .. outcome)
  record(state, id, item, 'decision', decision_id, 'outcome', outcome, 'who', by)
  if undo_ms > 0 then
    item.commits = now + undo_ms
    redis.call('HSET', meta, id, cjson.encode(item))
    redis.call('ZADD', undo, item.commits, id)
  else
    commit(id, item)
  end
end

-- The copies follow the decision on their item, once it can no more be undone.
local function settle_copies(id, item)
  for _, copy in ipairs(copies(id)) do
    local other = read(copy)
    settle(copy, other, 'decided', item.decision_id, item.outcome, item.by,
      redis.call('HGET', decisions, id), 0)
  end
end

-- The item leaves its copies alone: the first of them stands for the rest from now on.
local function hand_over(id)
  local left = copies(id)
  local first = left[1]
  for _, copy in ipairs(left) do
    local other = read(copy)
    other.leader = copy ~= first and first or nil
    write(copy, other)
    redis.call('ZREM', merged, id .. '\0' .. copy)
    if copy == first then
      offer(copy, other)
      redis.call('HSET', duplicates, other.twin, copy)
    else
      redis.call('ZADD', merged, 0, first .. '\0' .. copy)
    end
  end
end

local function by_policy(id, item, by)
  local outcome = item.state == 'arriving' and 'block' or item.on_deadline
  if outcome == 'escalate' then
    outcome = 'block'
  end
  settle(id, item, 'expired', by .. ':' .. id, outcome, by, false, 0)
  hand_over(id)
end

-- At its deadline an item ends as its route says; an escalated one waits as long again, for a senior.
local function expire(id, item)
  if item.on_deadline ~= 'escalate' or item.escalated or item.state == 'arriving' then
    by_policy(id, item, 'deadline')
    return true
  end
  item.deadline = now + math.max(item.deadline - item.created, 1)
  item.escalated = true
  item.token, item.reviewer, item.lease_until = nil, nil, nil
  move(id, item, 'waiting')
  withdraw(id, item)
  item.leader, item.hour = nil, nil
  redis.call('HSET', meta, id, cjson.encode(item))
  redis.call('ZADD', deadlines, item.deadline, id)
  offer(id, item)
  hand_over(id)
  total('total_escalated')
  record('escalated', id, item)
  return false
end

-- A claimed item goes back to the others. Its token stays good until somebody else takes it, unless
-- it was given back (`spent`).
local function give_back(id, item, why, spent)
  item.lease_until = nil
  local who, token = item.reviewer, item.token
  if spent then
    item.token, item.reviewer = nil, nil
  end
  move(id, item, 'waiting')
  redis.call('ZREM', leases, id)
  offer(id, item)
  record('released', id, item, 'who', who, 'token', token, 'why', why)
end

-- The item as it is now: a passed deadline, undo window or lease has its effect first.
local function current(id)
  local item = read(id)
  if not item then
    return item
  elseif item.commits and item.commits <= now then
    commit(id, item)
    settle_copies(id, item)
  elseif not item.decided and item.deadline <= now then
    expire(id, item)
  elseif item.lease_until and item.lease_until <= now then
    give_back(id, item, 'lapsed')
    total('total_lapsed')
  end
  return item
end

local function take(id, item, reviewer, lease_ms)
  item.token = math.max(number('token') + 1, now)
  item.reviewer, item.since, item.lease_until = reviewer, now, now + lease_ms
  move(id, item, 'claimed')
  redis.call('HSET', counters, 'token', item.token)
  redis.call('ZREM', urgent, id)
  redis.call('ZREM', senior, id)
  if item.hour then
    redis.call('ZREM', spare, spare_name(id, item))
  end
  redis.call('ZADD', leases, item.lease_until, id)
end

-- Whether people's hour has room for the item. If not, the least risky of those that wait gives way.
local function affordable(id, item)
  local hour = math.floor(now / HOUR)
  local known, used = string.match(redis.call('HGET', budget, item.route) or '', '^(%d+) (%d+)$')
  used = tonumber(known) == hour and tonumber(used) or 0
  item.hour = hour
  if used >= item.budget then
    local from, to = lex(item.route .. '\0' .. hour)
    local least = redis.call('ZRANGEBYLEX', spare, from, to, 'LIMIT', 0, 1)[1]
    if not least or least >= spare_name(id, item) then
      item.hour = nil
      return false
    end
    local other = string.sub(least, #item.route + #tostring(hour) + 11)
    by_policy(other, read(other), 'budget')
    total('total_over_budget')
  else
    used = used + 1
  end
  redis.call('HSET', budget, item.route, hour .. ' ' .. used)
  redis.call('ZADD', spare, 0, spare_name(id, item))
  return true
end

-- A whole reply joins the queue: as a copy of one that waits, over the budget, or for itself.
local function enter(id, item)
  local leader = item.twin and redis.call('HGET', duplicates, item.twin)
  if leader and #copies(leader) < COPIES_MAX then
    item.leader = leader
    move(id, item, 'waiting')
    redis.call('ZADD', deadlines, item.deadline, id)
    redis.call('ZADD', merged, 0, leader .. '\0' .. id)
    total('total_merged')
    record('queued', id, item, 'copy_of', leader)
    return 'DUPLICATE', leader
  end
  move(id, item, 'waiting')
  record('queued', id, item)
  if item.budget and not affordable(id, item) then
    by_policy(id, item, 'budget')
    total('total_over_budget')
    return 'NEW'
  end
  redis.call('HSET', meta, id, cjson.encode(item))
  redis.call('ZADD', deadlines, item.deadline, id)
  offer(id, item)
  if item.twin then
    redis.call('HSET', duplicates, item.twin, id)
  end
  return 'NEW'
end

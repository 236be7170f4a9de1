-- The review queue's only writer: every change of its state is one call of this script.
--
-- Rules: all keys are in KEYS, so that a cluster can follow; everything is checked before the
-- first write, because an error in the middle keeps the writes before it; time is Redis's own and
-- never runs backwards; repeating a call is safe; what people wrote is never parsed here.
--
-- KEYS, all under one hash tag (milliseconds since the epoch wherever a time is kept):
--   1  payload    hash   id -> the item as JSON, raw text included
--   2  meta       hash   id -> JSON without text: state, arrived (number in the order of arrival),
--                        seq (of its last change), created, deadline, digest (of what was
--                        enqueued), whole (of what completed it), decided, decision_id, outcome
--   3  decisions  hash   id -> the decision as JSON: id, outcome, reviewer, reason, edits
--   4  arriving   zset   id by arrived: its reply has not ended, nobody may decide
--   5  waiting    zset   id by arrived: for a person to decide
--   6  decided    zset   id by arrived
--   7  expired    zset   id by arrived: blocked by its deadline
--   8  deadlines  zset   id by deadline: whatever is undecided
--   9  retention  zset   id by the time it may be forgotten: whatever has ended
--  10  effects    stream item, state: one entry for each that ended; wakes who waits for it
--  11  counters   hash   seq (rises with each change), arrived (of the last arrival), clock
--
-- ARGV: the verb, how long what has ended is kept (ms), then what the verb below takes.
-- Answer: a word, then views of items: {payload, meta, decision or nil}.

local payload, meta, decisions = KEYS[1], KEYS[2], KEYS[3]
local sets = {arriving = KEYS[4], waiting = KEYS[5], decided = KEYS[6], expired = KEYS[7]}
local deadlines, retention, effects, counters = KEYS[8], KEYS[9], KEYS[10], KEYS[11]

-- Effects that may stand unread before the oldest go. A waiter who missed one looks for itself.
local EFFECTS_MAX = 100000
-- Items one sweep takes at most, so that Redis is not kept from others for more than about 10 ms.
local SWEEP_MAX = 300

local function clock()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return math.max(now, tonumber(redis.call('HGET', counters, 'clock') or 0))
end

local now = clock()
local keep = tonumber(ARGV[2])

local function read(id)
  local raw = redis.call('HGET', meta, id)
  return raw and cjson.decode(raw)
end

local function view(id)
  return {
    redis.call('HGET', payload, id),
    redis.call('HGET', meta, id),
    redis.call('HGET', decisions, id)
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

-- Ends an undecided item. `words` is the decision as JSON.
local function finish(id, item, state, decision_id, outcome, words)
  item.decided, item.decision_id, item.outcome = now, decision_id, outcome
  move(id, item, state)
  redis.call('HSET', decisions, id, words)
  redis.call('ZREM', deadlines, id)
  redis.call('ZADD', retention, now + keep, id)
  redis.call('XADD', effects, 'MAXLEN', '~', EFFECTS_MAX, '*', 'item', id, 'state', state)
end

local function expire(id, item)
  local decision_id = 'deadline:' .. id
  local words = cjson.encode({
    id = decision_id, outcome = 'block', reviewer = 'deadline', reason = '', edits = {}
  })
  finish(id, item, 'expired', decision_id, 'block', words)
end

-- The item as it is now: one whose deadline has passed undecided is expired first.
local function current(id)
  local item = read(id)
  if item and not item.decided and item.deadline <= now then
    expire(id, item)
  end
  return item
end

local function forget(id)
  local item = read(id)
  redis.call('HDEL', payload, id)
  redis.call('HDEL', meta, id)
  redis.call('HDEL', decisions, id)
  redis.call('ZREM', retention, id)
  if item then
    redis.call('ZREM', sets[item.state], id)
  end
end

local verbs = {}

-- A write that changes nothing anybody reads: proves that Redis takes and keeps writes.
function verbs.probe()
  redis.call('HSET', counters, 'clock', now)
  return {'OK'}
end

-- NEW, SAME (this content is here already), OTHER (other content is here under this id).
function verbs.enqueue(id, content, digest, deadline, state)
  local item = read(id)
  if item then
    return {item.digest == digest and 'SAME' or 'OTHER'}
  end
  item = {digest = digest, created = now, deadline = tonumber(deadline)}
  if state == 'waiting' then
    item.whole = digest
  end
  item.arrived = redis.call('HINCRBY', counters, 'arrived', 1)
  move(id, item, state)
  redis.call('HSET', payload, id, content)
  redis.call('ZADD', deadlines, item.deadline, id)
  return {'NEW'}
end

-- OK, SAME, UNKNOWN, OTHER (it was completed otherwise), GONE (expired) with its view.
-- With `words` it ends here, decided by policy.
function verbs.complete(id, content, digest, deadline, decision_id, outcome, words)
  local item = current(id)
  if not item then
    return {'UNKNOWN'}
  elseif item.whole == digest then
    return {'SAME'}
  elseif item.state == 'expired' then
    return {'GONE', view(id)}
  elseif item.state ~= 'arriving' then
    return {'OTHER'}
  end
  item.whole, item.deadline = digest, tonumber(deadline)
  if words then
    finish(id, item, 'decided', decision_id, outcome, words)
  else
    move(id, item, 'waiting')
    redis.call('ZADD', deadlines, item.deadline, id)
  end
  redis.call('HSET', payload, id, content)
  return {'OK'}
end

-- OK or SAME (this decision was taken before), UNKNOWN, UNFINISHED (still arriving),
-- CONFLICT (the decision that won is in the view), GONE (expired).
function verbs.decide(id, decision_id, outcome, words)
  local item = current(id)
  if not item then
    return {'UNKNOWN'}
  elseif item.state == 'expired' then
    return {'GONE', view(id)}
  elseif item.state == 'decided' then
    local same = item.decision_id == decision_id and item.outcome == outcome
    return {same and 'SAME' or 'CONFLICT', view(id)}
  elseif item.state ~= 'waiting' then
    return {'UNFINISHED'}
  end
  finish(id, item, 'decided', decision_id, outcome, words)
  return {'OK', view(id)}
end

-- OK with the view and the milliseconds left until its deadline; or UNKNOWN.
function verbs.get(id)
  local item = current(id)
  if not item then
    return {'UNKNOWN'}
  end
  return {'OK', view(id), item.deadline - now}
end

-- OK and at most `limit` views of the states named, oldest first, after the arrival `after`.
function verbs.list(after, limit, ...)
  limit = tonumber(limit)
  local found = {}
  for _, state in ipairs({...}) do
    local rows = redis.call(
      'ZRANGEBYSCORE', sets[state], '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
    for row = 1, #rows, 2 do
      found[#found + 1] = {rows[row], tonumber(rows[row + 1])}
    end
  end
  table.sort(found, function(one, other) return one[2] < other[2] end)
  local answer = {'OK'}
  for place = 1, math.min(limit, #found) do
    answer[#answer + 1] = view(found[place][1])
  end
  return answer
end

-- MORE or OK, then how many expired. Forgetting comes first: it makes room in a full Redis.
function verbs.sweep()
  local old = redis.call('ZRANGEBYSCORE', retention, '-inf', now, 'LIMIT', 0, SWEEP_MAX)
  for _, id in ipairs(old) do
    forget(id)
  end
  local due = redis.call('ZRANGEBYSCORE', deadlines, '-inf', now, 'LIMIT', 0, SWEEP_MAX)
  for _, id in ipairs(due) do
    expire(id, read(id))
  end
  return {(#old == SWEEP_MAX or #due == SWEEP_MAX) and 'MORE' or 'OK', #due}
end

-- OK, then how many are arriving, waiting, decided, expired.
function verbs.counts()
  return {
    'OK',
    redis.call('ZCARD', sets.arriving), redis.call('ZCARD', sets.waiting),
    redis.call('ZCARD', sets.decided), redis.call('ZCARD', sets.expired)
  }
end

return verbs[ARGV[1]](unpack(ARGV, 3))

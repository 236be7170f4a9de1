-- Second half of the script: a verb for each call.
--
-- ARGV: the verb, the settings as JSON, then what the verb below takes.
-- Answer: seq, a word, then what the verb gives. A view is {payload, meta, decision, skips}.

local verbs = care

local function settled(item)
  return item.decided ~= nil
end

-- GONE or CONFLICT, with the decision that stands in the view.
local function too_late(id, item)
  return {item.state == 'expired' and 'GONE' or 'CONFLICT', view(id)}
end

-- FENCED: who has the item now, since when and how long.
local function fenced(item)
  if item.state ~= 'claimed' then
    return {'FENCED', '', 0, 0}
  end
  return {'FENCED', item.reviewer, item.since, item.lease_until}
end

local function holds(item, token, reviewer)
  return item.token and item.token == tonumber(token) and item.reviewer == reviewer
end

-- The item that a call is about: of a copy, the one that stands for it.
local function resolved(id)
  local item = current(id)
  if item and item.leader and not settled(item) then
    local leader = item.leader
    local other = current(leader)
    item = read(id) -- the look may have ended the other, and so freed or ended the copy
    if other and item.leader == leader and not (settled(item) or other.state == 'expired') then
      return leader, other
    end
  end
  return id, item
end

-- A write that changes nothing anybody reads: proves that Redis takes and keeps writes.
function verbs.probe()
  redis.call('HSET', counters, 'clock', now)
  return {'OK'}
end

-- NEW, DUPLICATE of an id (merged with it), SAME (this content is here already), OTHER (other
-- content is here under this id), FULL.
function verbs.enqueue(id, content, facts, state)
  local item, new = read(id), cjson.decode(facts)
  if item then
    return {item.digest == new.digest and 'SAME' or 'OTHER'}
  end
  local open = redis.call('ZCARD', sets.arriving) + redis.call('ZCARD', sets.waiting)
    + redis.call('ZCARD', sets.claimed)
  if open >= config.items or number('bytes') + #content > config.bytes then
    return {'FULL'}
  end
  new.created = now
  new.arrived = redis.call('HINCRBY', counters, 'arrived', 1)
  redis.call('HSET', payload, id, content)
  total('bytes', #content)
  if state == 'arriving' then
    move(id, new, 'arriving')
    redis.call('ZADD', deadlines, new.deadline, id)
    return {'NEW'}
  end
  new.whole = new.digest
  return {enter(id, new)}
end

-- OK, DUPLICATE, SAME, UNKNOWN, OTHER (it was completed otherwise), GONE (expired) with its view.
-- With a `decision_id` it ends here, blocked by the policy.
function verbs.complete(id, content, facts, decision_id)
  local item, new = current(id), cjson.decode(facts)
  if not item then
    return {'UNKNOWN'}
  elseif item.whole == new.digest then
    return {'SAME'}
  elseif item.state == 'expired' then
    return {'GONE', view(id)}
  elseif item.state ~= 'arriving' then
    return {'OTHER'}
  end
  for _, name in ipairs({'state', 'arrived', 'created'}) do
    new[name] = item[name]
  end
  new.whole, new.digest = new.digest, item.digest
  redis.call('HINCRBY', counters, 'bytes', #content - redis.call('HSTRLEN', payload, id))
  redis.call('HSET', payload, id, content)
  if decision_id then
    settle(id, new, 'decided', decision_id, 'block', 'policy', false, 0)
    return {'OK'}
  end
  local word, leader = enter(id, new)
  return {word == 'NEW' and 'OK' or word, leader}
end

local function skipped_by(id, reviewer)
  for _, skip in ipairs(cjson.decode(redis.call('HGET', skips, id) or '[]')) do
    if skip.by == reviewer then
      return true
    end
  end
  return false
end

-- OK and a view of each item taken, EMPTY and how many wait and are claimed. With `only`: that item,
-- or UNKNOWN, UNFINISHED, FENCED, GONE, CONFLICT.
function verbs.claim(most, reviewer, lease_ms, as_senior, only)
  lease_ms, most = tonumber(lease_ms), tonumber(most)
  if only then
    local id, item = resolved(only)
    if not item then
      return {'UNKNOWN'}
    elseif settled(item) then
      return too_late(id, item)
    elseif item.state == 'arriving' then
      return {'UNFINISHED'}
    elseif item.state == 'claimed' and item.reviewer ~= reviewer
        or item.escalated and as_senior ~= '1' then
      return fenced(item)
    end
    take(id, item, reviewer, lease_ms)
    record('claimed', id, item, 'who', reviewer, 'token', item.token)
    return {'OK', view(id)}
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, SWEEP_MAX)) do
    current(id)
  end
  local answer = {'OK'}
  for _, queue in ipairs(as_senior == '1' and {senior, urgent} or {urgent}) do
    local at = 0
    while #answer <= most and at < LOOK_MAX do
      local ids = redis.call('ZRANGE', queue, at, at + 99)
      if #ids == 0 then
        break
      end
      for _, id in ipairs(ids) do
        if #answer > most then
          break
        end
        local item = not skipped_by(id, reviewer) and current(id)
        if item and item.state == 'waiting' and redis.call('ZSCORE', queue, id) then
          take(id, item, reviewer, lease_ms)
          record('claimed', id, item, 'who', reviewer, 'token', item.token)
          answer[#answer + 1] = view(id)
        elseif redis.call('ZSCORE', queue, id) then
          at = at + 1
        end
      end
    end
  end
  if #answer == 1 then
    return {'EMPTY', redis.call('ZCARD', sets.waiting), redis.call('ZCARD', sets.claimed)}
  end
  return answer
end

-- OK and lease_until; UNKNOWN, FENCED, GONE, CONFLICT.
function verbs.renew(id, token, reviewer, lease_ms)
  local item = current(id)
  if not item then
    return {'UNKNOWN'}
  elseif settled(item) then
    return too_late(id, item)
  elseif not holds(item, token, reviewer) then
    return fenced(item)
  end
  if item.state == 'claimed' then
    item.lease_until = now + tonumber(lease_ms)
    write(id, item)
    redis.call('ZADD', leases, item.lease_until, id)
  else -- it lapsed, and nobody took it since: the same token goes on
    item.since, item.lease_until = now, now + tonumber(lease_ms)
    move(id, item, 'claimed')
    redis.call('ZREM', urgent, id)
    redis.call('ZREM', senior, id)
    redis.call('ZADD', leases, item.lease_until, id)
    record('claimed', id, item, 'who', reviewer, 'token', item.token)
  end
  return {'OK', item.lease_until}
end

-- OK (SAME once it is back already); UNKNOWN, FENCED, GONE, CONFLICT. With a `decision_id` it is a
-- skip, for the sealed reason `why`: this reviewer is not given the item again.
function verbs.release(id, token, reviewer, decision_id, why)
  local item = current(id)
  if not item then
    return {'UNKNOWN'}
  elseif decision_id and redis.call('HGET', index, decision_id) == '~' .. id then
    return {'SAME', view(id)}
  elseif settled(item) then
    return too_late(id, item)
  elseif not holds(item, token, reviewer) then
    return fenced(item)
  elseif item.state ~= 'claimed' then
    take(id, item, reviewer, 0)
  end
  give_back(id, item, decision_id and 'skipped' or 'returned', true)
  if decision_id then
    local passed = cjson.decode(redis.call('HGET', skips, id) or '[]')
    passed[#passed + 1] = {by = reviewer, at = now, why = why}
    redis.call('HSET', skips, id, cjson.encode(passed))
    redis.call('HSET', index, decision_id, '~' .. id)
    total('total_skipped')
  end
  return {'OK', view(id)}
end

-- OK or SAME (this decision was taken before) and the view; UNKNOWN, UNFINISHED (still arriving),
-- CONFLICT, FENCED, GONE, UNDONE (this decision_id was taken back), REUSED (it is another item's).
-- Without a token it must be in nobody's hands. `replayed`: it was acknowledged, so no lease counts.
function verbs.decide(asked, decision_id, outcome, reviewer, token, words, undo_ms, replayed)
  local id, item = resolved(asked)
  local known = redis.call('HGET', index, decision_id)
  if not item then
    return {'UNKNOWN'}
  elseif known == '-' .. id then
    return {'UNDONE'}
  elseif known and known ~= id and item.decision_id ~= decision_id then
    return {'REUSED'}
  elseif item.state == 'decided' then
    if item.decision_id == decision_id and item.outcome == outcome then
      return {'SAME', view(asked)}
    end
    return too_late(id, item)
  elseif item.state == 'expired' then
    return too_late(id, item)
  elseif item.state == 'arriving' then
    return {'UNFINISHED'}
  elseif replayed ~= '1' then
    local free = token == '' and item.state == 'waiting' and not item.escalated
    if not free and not holds(item, token, reviewer) then
      return fenced(item)
    end
  end
  undo_ms = math.min(tonumber(undo_ms), item.deadline - now)
  settle(id, item, 'decided', decision_id, outcome, reviewer, words, undo_ms)
  redis.call('HSET', index, decision_id, id)
  if undo_ms <= 0 then
    settle_copies(id, item)
  end
  return {'OK', view(asked)}
end

-- OK (SAME: undone already) and the view, claimed again by who decided; UNKNOWN (also where it is not
-- the decision of the reviewer `only`), LATE.
function verbs.undo(decision_id, lease_ms, only)
  local known = redis.call('HGET', index, decision_id) or ''
  local id = string.gsub(known, '^%-', '')
  local item = current(id)
  if not item or string.sub(known, 1, 1) == '~' or (only or '') ~= '' and item.by and item.by ~= only then
    return {'UNKNOWN'}
  elseif known ~= id then
    return {'SAME', view(id)}
  elseif not item.commits or item.deadline <= now then
    return {'LATE', view(id)}
  end
  local reviewer = item.by
  total('total_' .. item.outcome, -1)
  for _, name in ipairs({'decided', 'decision_id', 'outcome', 'by', 'commits'}) do
    item[name] = nil
  end
  take(id, item, reviewer, tonumber(lease_ms))
  redis.call('HSET', index, decision_id, '-' .. id)
  redis.call('HDEL', decisions, id)
  redis.call('ZREM', undo, id)
  redis.call('ZADD', deadlines, item.deadline, id)
  if item.twin then
    redis.call('HSETNX', duplicates, item.twin, id)
  end
  total('total_undone')
  record('undone', id, item, 'decision', decision_id, 'who', reviewer, 'token', item.token)
  return {'OK', view(id)}
end

-- OK with the view and the milliseconds until something happens to it by itself; or UNKNOWN.
function verbs.get(id)
  local item = current(id)
  if not item then
    return {'UNKNOWN'}
  end
  item = read(id)
  return {'OK', view(id), (item.commits or item.deadline) - now}
end

-- OK, the arrival to go on after ('' at the end), then id and meta of at most `limit` items of the
-- states named that `filter` lets through, after the arrival `after`: oldest first, or newest.
function verbs.list(after, limit, filter, newest, ...)
  limit, filter = tonumber(limit), cjson.decode(filter)
  local most = next(filter) and LOOK_MAX or limit
  local found = {}
  for _, state in ipairs({...}) do
    local rows
    if newest == '1' then
      local below = after == '0' and '+inf' or '(' .. after
      rows = redis.call(
        'ZREVRANGEBYSCORE', sets[state], below, '-inf', 'WITHSCORES', 'LIMIT', 0, most + 1)
    else
      rows = redis.call(
        'ZRANGEBYSCORE', sets[state], '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, most + 1)
    end
    for row = 1, #rows, 2 do
      found[#found + 1] = {rows[row], tonumber(rows[row + 1])}
    end
  end
  table.sort(found, function(one, other)
    if newest == '1' then
      one, other = other, one
    end
    return one[2] < other[2]
  end)
  local answer = {'OK', ''}
  for place = 1, math.min(LOOK_MAX, #found) do
    local id = found[place][1]
    local raw = redis.call('HGET', meta, id)
    local item = cjson.decode(raw)
    local fits = true
    for name, wanted in pairs(filter) do
      local has = item[name]
      if type(has) == 'table' then
        local among = false
        for _, one in pairs(has) do
          among = among or one == wanted
        end
        fits = fits and among
      else
        fits = fits and has == wanted
      end
    end
    if fits then
      answer[#answer + 1], answer[#answer + 2] = id, raw
    end
    if #answer >= 2 + 2 * limit or place == LOOK_MAX then
      answer[2] = place < #found and tostring(found[place][2]) or ''
      break
    end
  end
  return answer
end

local function forget(id)
  local item = read(id)
  redis.call('HINCRBY', counters, 'bytes', -redis.call('HSTRLEN', payload, id))
  for _, hash in ipairs({payload, meta, decisions, skips, tries}) do
    redis.call('HDEL', hash, id)
  end
  redis.call('ZREM', retention, id)
  redis.call('ZREM', hooks, id)
  redis.call('ZREM', sets[item.state], id)
  if item.decision_id then
    redis.call('HDEL', index, item.decision_id)
  end
end

-- MORE or OK, how many expired, the milliseconds until something else is due (-1: nothing is).
-- Forgetting comes first: it makes room in a full Redis.
function verbs.sweep()
  local full, next_at, expired = false, nil, 0
  local function due(set, act)
    local ids = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, SWEEP_MAX)
    for _, id in ipairs(ids) do
      act(id)
    end
    full = full or #ids == SWEEP_MAX
    local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
    if first and set ~= retention then
      next_at = math.min(next_at or tonumber(first), tonumber(first))
    end
  end
  due(retention, forget)
  due(undo, current)
  due(deadlines, function(id)
    local item = read(id)
    if not settled(item) and item.deadline <= now and expire(id, item) then
      expired = expired + 1
    end
  end)
  due(leases, current)
  return {full and 'MORE' or 'OK', expired, next_at and math.max(next_at - now, 0) or -1}
end

-- OK, when the oldest that waits was made and what all counters say; each state and its number.
function verbs.stats()
  local answer = {'OK', 0, redis.call('HGETALL', counters)}
  local first = redis.call('ZRANGE', sets.waiting, 0, 0)[1]
  local item = first and read(first)
  answer[2] = item and item.created or 0
  for _, state in ipairs({'arriving', 'waiting', 'claimed', 'decided', 'expired'}) do
    answer[#answer + 1] = redis.call('ZCARD', sets[state])
  end
  for _, set in ipairs({senior, merged, undo, hooks, dead}) do
    answer[#answer + 1] = redis.call('ZCARD', set)
  end
  return answer
end

-- OK and who runs here: changes whenever another process, with other memories, answers.
function verbs.where()
  local info = redis.call('INFO', 'server')
  return {'OK', string.match(info, 'run_id:(%x+)') or ''}
end

return (function()
  local answer = verbs[ARGV[1]](unpack(ARGV, 3))
  table.insert(answer, 1, number('seq'))
  return answer
end)()

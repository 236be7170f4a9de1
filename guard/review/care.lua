-- Between the halves of the script: the calls of caretakers, webhooks and the invariants.

local care = {}

-- OK, then id and meta of at most `most` items whose webhook is due, each put off by `lease_ms`, so
-- that nobody else sends it meanwhile.
function care.hooks_due(most, lease_ms)
  local answer = {'OK'}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', hooks, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZADD', hooks, now + tonumber(lease_ms), id)
    redis.call('HINCRBY', tries, id, 1)
    answer[#answer + 1] = id
    answer[#answer + 1] = redis.call('HGET', meta, id)
    answer[#answer + 1] = redis.call('HGET', tries, id)
  end
  return answer
end

-- OK. A webhook arrived, is tried again after `again_ms`, or (-1) is given up.
function care.hook_done(id, arrived, again_ms)
  if redis.call('HEXISTS', meta, id) == 0 or arrived == '1' then
    redis.call('ZREM', hooks, id)
    redis.call('HDEL', tries, id)
  elseif tonumber(again_ms) >= 0 then
    redis.call('ZADD', hooks, now + tonumber(again_ms), id)
  else
    redis.call('ZADD', dead, now, id)
    redis.call('ZREM', hooks, id)
    redis.call('HDEL', tries, id)
  end
  return {'OK'}
end

-- OK and how many of the webhooks that were given up are tried again.
function care.hooks_again()
  local ids = redis.call('ZRANGE', dead, 0, SWEEP_MAX - 1)
  for _, id in ipairs(ids) do
    redis.call('ZADD', hooks, now, id)
    redis.call('ZREM', dead, id)
  end
  return {'OK', #ids}
end

-- What is wrong with one item, by name; nothing where all is well.
local function wrong(id, item)
  local found = {}
  local function must(holds, what)
    if not holds then
      found[#found + 1] = id .. ': ' .. what
    end
  end
  local function is_in(set, key)
    return redis.call('ZSCORE', set, key or id) and true or false
  end
  local open = item.decided == nil
  for state, set in pairs(sets) do
    must(is_in(set) == (item.state == state), 'state ' .. item.state .. ' and the set ' .. state)
  end
  local offered = is_in(urgent) or is_in(senior)
  must(redis.call('HEXISTS', payload, id) == 1, 'no payload')
  must(open == (item.state ~= 'decided' and item.state ~= 'expired'), 'state and decision')
  must(is_in(deadlines) == open, 'deadline')
  must(is_in(leases) == (item.state == 'claimed'), 'lease')
  must(offered == (item.state == 'waiting' and not item.leader), 'offered')
  must(is_in(undo) == (item.commits ~= nil), 'undo window')
  must((item.effects or 0) == ((open or item.commits) and 0 or 1), 'effects')
  must(is_in(retention) == (not open and not item.commits), 'retention')
  must((item.token or 0) <= number('token'), 'token')
  must(item.seq <= number('seq'), 'seq')
  must(not (item.leader and open) or is_in(merged, item.leader .. '\0' .. id), 'copy')
  must(not (item.outcome == 'approve' or item.outcome == 'edit' or item.outcome == 'reject')
    or redis.call('HEXISTS', decisions, id) == 1, 'no decision')
  return found
end

-- OK, the cursor to go on with ('0' at the end), then what is wrong, a line each.
function care.check(cursor)
  local page = redis.call('HSCAN', meta, cursor, 'COUNT', SWEEP_MAX)
  local answer = {'OK', page[1]}
  for place = 1, #page[2], 2 do
    for _, line in ipairs(wrong(page[2][place], cjson.decode(page[2][place + 1]))) do
      answer[#answer + 1] = line
    end
  end
  local items, counted = redis.call('HLEN', meta), 0
  for _, set in pairs(sets) do
    counted = counted + redis.call('ZCARD', set)
  end
  if items ~= counted or items ~= redis.call('HLEN', payload) then
    answer[#answer + 1] = 'items ' .. items .. ', in sets ' .. counted
  end
  return answer
end

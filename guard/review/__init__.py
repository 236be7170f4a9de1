"""Where replies wait for a person: the store (Redis and one Lua script) and a Redis of our own."""

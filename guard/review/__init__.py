"""Where replies wait for a person: the queue in Redis and its script, the spool before it, the keys
that seal both, the audit trail after it, webhooks, and a Redis of our own."""

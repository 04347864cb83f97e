-- What processes must agree on where there is no Redis. None of it grows with every refresh.

-- The calls that were counted of a provider's budget, by hour, day and month (UTC).
CREATE TABLE quota_calls (
  provider TEXT NOT NULL,
  period TEXT NOT NULL,
  start_ms BIGINT NOT NULL,
  calls BIGINT NOT NULL,
  PRIMARY KEY (provider, period, start_ms)
);

-- Who may collect, and until when unless it is kept: one row.
CREATE TABLE collector_lease (
  name TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  until_ms BIGINT NOT NULL
);

-- When the last round of asking each provider began.
CREATE TABLE provider_rounds (
  provider TEXT NOT NULL PRIMARY KEY,
  round_ms BIGINT NOT NULL
);

-- Texts that the collector keeps for all processes, such as the current snapshot.
CREATE TABLE shared_values (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

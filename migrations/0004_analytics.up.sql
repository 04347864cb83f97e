-- What all processes counted of their requests and calls, by day (UTC, its start) and name. Names
-- are few: results, cache results, codes of problems.
CREATE TABLE analytics_counts (
  day_ms BIGINT NOT NULL,
  name TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (day_ms, name)
);

-- The last batch of counts that each process has written, so that none is added twice.
CREATE TABLE analytics_batches (
  process TEXT NOT NULL PRIMARY KEY,
  batch BIGINT NOT NULL,
  at_ms BIGINT NOT NULL
);
CREATE INDEX analytics_batches_by_time ON analytics_batches (at_ms);

-- One schema for SQLite and Postgres: only types and statements that both speak.
-- Times are epoch milliseconds; JSON is text. A statement ends with a semicolon at the end of a line.

-- Every definition of a corridor that anything was observed with.
CREATE TABLE corridor_versions (
  version TEXT NOT NULL PRIMARY KEY,
  corridor TEXT NOT NULL,
  definition TEXT NOT NULL,
  first_used_ms BIGINT NOT NULL
);
CREATE INDEX corridor_versions_by_corridor ON corridor_versions (corridor);

-- Every attempt to refresh a corridor.
CREATE TABLE refreshes (
  id TEXT NOT NULL PRIMARY KEY,
  corridor TEXT NOT NULL,
  source TEXT NOT NULL,
  provider TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  ended_ms BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX refreshes_by_time ON refreshes (corridor, source, ended_ms);

-- Every call to a provider, of which a refresh makes one or more.
CREATE TABLE provider_calls (
  id TEXT NOT NULL PRIMARY KEY,
  refresh TEXT NOT NULL,
  provider TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  outcome TEXT NOT NULL
);
CREATE INDEX provider_calls_by_time ON provider_calls (at_ms);

-- The raw body of a call's answer, without the key: gzip, then base64.
CREATE TABLE raw_bodies (
  provider_call TEXT NOT NULL PRIMARY KEY,
  at_ms BIGINT NOT NULL,
  name TEXT NOT NULL,
  gzip_base64 TEXT NOT NULL
);
CREATE INDEX raw_bodies_by_time ON raw_bodies (at_ms);

-- Every snapshot; its sections are the observations of its version, provider and observed_ms.
CREATE TABLE snapshots (
  id TEXT NOT NULL PRIMARY KEY,
  corridor TEXT NOT NULL,
  source TEXT NOT NULL,
  version TEXT NOT NULL REFERENCES corridor_versions (version),
  provider TEXT NOT NULL,
  observed_ms BIGINT NOT NULL,
  fetched_ms BIGINT NOT NULL,
  refused TEXT NOT NULL,
  warnings TEXT NOT NULL
);
CREATE INDEX snapshots_by_time ON snapshots (corridor, source, fetched_ms);

-- What a provider said of a section at one moment of its own time. The same answer is kept once.
CREATE TABLE observations (
  version TEXT NOT NULL REFERENCES corridor_versions (version),
  observed_ms BIGINT NOT NULL,
  section TEXT NOT NULL,
  provider TEXT NOT NULL,
  fetched_ms BIGINT NOT NULL,
  status TEXT NOT NULL,
  coverage DOUBLE PRECISION NOT NULL,
  confidence DOUBLE PRECISION,
  speed_kmh DOUBLE PRECISION,
  free_flow_kmh DOUBLE PRECISION,
  PRIMARY KEY (version, observed_ms, section, provider)
);

-- Spans of time of which nothing is known of a section. Source: live, simulated or replay.
CREATE TABLE gaps (
  corridor TEXT NOT NULL,
  source TEXT NOT NULL,
  section TEXT NOT NULL,
  from_ms BIGINT NOT NULL,
  to_ms BIGINT NOT NULL,
  PRIMARY KEY (corridor, source, section, from_ms)
);
CREATE INDEX gaps_by_end ON gaps (corridor, source, to_ms);

-- Whose totals a row holds, what they stand on (live, simulated or replay: never mixed), and which
-- version of which model computed them.
CREATE TABLE series (
  id INTEGER NOT NULL PRIMARY KEY,
  corridor TEXT NOT NULL,
  source TEXT NOT NULL,
  direction TEXT NOT NULL,
  section TEXT NOT NULL,
  model TEXT NOT NULL,
  model_version TEXT NOT NULL,
  UNIQUE (corridor, source, model, model_version, section)
);

-- A section's impact summed over a bucket of time. Buckets of 300, 900, 3600 and 86400 seconds;
-- those of a day follow the corridor's calendar. Origin: computed here, or imported.
CREATE TABLE totals (
  series INTEGER NOT NULL REFERENCES series (id),
  bucket_seconds INTEGER NOT NULL,
  start_ms BIGINT NOT NULL,
  origin TEXT NOT NULL,
  measured_km_h DOUBLE PRECISION NOT NULL,
  delay_low DOUBLE PRECISION NOT NULL,
  delay_central DOUBLE PRECISION NOT NULL,
  delay_high DOUBLE PRECISION NOT NULL,
  fuel_low DOUBLE PRECISION NOT NULL,
  fuel_central DOUBLE PRECISION NOT NULL,
  fuel_high DOUBLE PRECISION NOT NULL,
  fuel_positive DOUBLE PRECISION NOT NULL,
  co2_low DOUBLE PRECISION NOT NULL,
  co2_central DOUBLE PRECISION NOT NULL,
  co2_high DOUBLE PRECISION NOT NULL,
  co2_positive DOUBLE PRECISION NOT NULL,
  time_cost_low DOUBLE PRECISION NOT NULL,
  time_cost_central DOUBLE PRECISION NOT NULL,
  time_cost_high DOUBLE PRECISION NOT NULL,
  fuel_cost_low DOUBLE PRECISION NOT NULL,
  fuel_cost_central DOUBLE PRECISION NOT NULL,
  fuel_cost_high DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (series, bucket_seconds, start_ms, origin)
);

-- How far an unfinished recomputation has come.
CREATE TABLE recomputations (
  corridor TEXT NOT NULL,
  source TEXT NOT NULL,
  model TEXT NOT NULL,
  model_version TEXT NOT NULL,
  from_ms BIGINT NOT NULL,
  to_ms BIGINT NOT NULL,
  done_until_ms BIGINT NOT NULL,
  PRIMARY KEY (corridor, source, model, model_version, from_ms, to_ms)
);

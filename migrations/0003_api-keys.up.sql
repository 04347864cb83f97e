-- The API keys that were issued here. Of a key itself nothing is kept but a keyed hash, which is
-- worth nothing without the pepper. At most 1,000 rows.
CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  scope TEXT NOT NULL,
  hash TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT,
  last_used_ms BIGINT,
  per_minute BIGINT,
  per_hour BIGINT
);

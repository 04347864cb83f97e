DROP TABLE shared_values;
DROP TABLE provider_rounds;
DROP TABLE collector_lease;
DROP TABLE quota_calls;

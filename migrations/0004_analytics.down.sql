DROP TABLE analytics_batches;
DROP TABLE analytics_counts;

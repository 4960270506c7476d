-- Versions, platforms or toolchains: which share of the installations has each.
WITH
  -- Of each config that the reports name: the rate at which reports are sent.
  configs(config, rate) AS (VALUES
    {configs}),
  builds AS (FROM '{parquet}' WHERE program = '{program}'{part}),
  -- Each report stands for 1 / rate installations. One with several builds may have several values.
  base AS (SELECT DISTINCT report, 1 / rate AS weight FROM builds JOIN configs USING (config)),
  has AS (SELECT DISTINCT report, {value} AS value FROM builds)
SELECT value,
  count(*) AS reports,
  sum(weight) AS installations,
  (SELECT count(*) FROM base) AS of_reports,
  sum(weight) / (SELECT sum(weight) FROM base) AS share
FROM base JOIN has USING (report) GROUP BY value
ORDER BY share DESC, value;

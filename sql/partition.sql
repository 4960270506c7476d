-- A partition, histogram or time series: which share of the installations counted each bucket.
WITH
  -- Of each config that the reports name: the rate of the chart, and the counters that it collects.
  configs(config, rate, counters) AS (VALUES
    {configs}),
  collected AS (
    SELECT config, unnest(counters) AS counter, generate_subscripts(counters, 1) AS place
    FROM configs),
  builds AS (FROM '{parquet}' WHERE program = '{program}'{part}),
  -- The reports that could have the counters. Each stands for 1 / rate installations.
  base AS (
    SELECT DISTINCT report, config, 1 / rate AS weight
    FROM builds JOIN configs USING (config) WHERE x <= rate),
  counted AS (
    SELECT report, entry.name AS counter, sum(entry.count) AS count
    FROM (SELECT report, unnest(counters) AS entry FROM builds) GROUP BY ALL),
  -- Of each counter: the reports whose config collects it, and those that have it.
  could AS (
    SELECT counter, count(*) AS reports, sum(weight) AS installations
    FROM base JOIN collected USING (config) GROUP BY counter),
  has AS (
    SELECT counter, report, weight,
      row_number() OVER (PARTITION BY report ORDER BY count DESC, place) = 1 AS most
    FROM base JOIN collected USING (config) JOIN counted USING (report, counter)),
  hits AS (
    SELECT counter, count(*) AS reports, sum(weight) AS installations,
      count(*) FILTER (most) AS most_reports,
      coalesce(sum(weight) FILTER (most), 0) AS most_installations
    FROM has GROUP BY counter)
FROM (
  SELECT counter,
    coalesce(hits.reports, 0) AS reports,
    coalesce(hits.installations, 0) AS installations,
    could.reports AS of_reports,
    coalesce(hits.installations, 0) / could.installations AS share,
    -- Those that counted it more often than any of the others.
    coalesce(hits.most_reports, 0) AS most_reports,
    coalesce(hits.most_installations, 0) AS most_installations
  FROM could LEFT JOIN hits USING (counter)
  UNION ALL
  -- The last row: the reports with none of the counters.
  SELECT NULL,
    count(*) FILTER (report NOT IN (SELECT report FROM has)),
    coalesce(sum(weight) FILTER (report NOT IN (SELECT report FROM has)), 0),
    count(*),
    coalesce(sum(weight) FILTER (report NOT IN (SELECT report FROM has)), 0) / sum(weight),
    NULL,
    NULL
  FROM base)
ORDER BY counter IS NULL, share DESC, counter;

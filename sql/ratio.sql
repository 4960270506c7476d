-- A ratio: the quantiles, over installations, of one count divided by another.
WITH
  -- Of each config that the reports name: the rate of the chart, and the counters that it collects.
  configs(config, rate, counters) AS (VALUES
    {configs}),
  collected AS (SELECT config, unnest(counters) AS counter FROM configs),
  builds AS (FROM '{parquet}' WHERE program = '{program}'{part}),
  counted AS (
    SELECT report, entry.name AS counter, sum(entry.count) AS count
    FROM (SELECT report, unnest(counters) AS entry FROM builds) GROUP BY ALL),
  -- The reports that could have the counters, and have the divisor. Each stands for 1 / rate installations.
  base AS (
    SELECT DISTINCT report, config, 1 / rate AS weight, count AS divisor
    FROM builds JOIN configs USING (config) JOIN counted USING (report)
    WHERE x <= rate AND counter = '{over}'),
  -- Without the dividend, the quotient is 0.
  quotients AS (
    SELECT counter, weight, coalesce(count, 0) / divisor AS quotient
    FROM base JOIN collected USING (config) LEFT JOIN counted USING (report, counter)),
  ranked AS (
    SELECT *, sum(weight) OVER (PARTITION BY counter ORDER BY quotient)
        / sum(weight) OVER (PARTITION BY counter) * (1 + 1e-9) AS rank
    FROM quotients)
FROM (
  SELECT counter,
    count(*) FILTER (quotient > 0) AS reports,
    coalesce(sum(weight) FILTER (quotient > 0), 0) AS installations,
    count(*) AS of_reports,
    coalesce(sum(weight) FILTER (quotient > 0), 0) / sum(weight) AS share,
    min(quotient) FILTER (rank >= 0.05) AS q05,
    min(quotient) FILTER (rank >= 0.25) AS q25,
    min(quotient) FILTER (rank >= 0.5) AS q50,
    min(quotient) FILTER (rank >= 0.75) AS q75,
    min(quotient) FILTER (rank >= 0.95) AS q95
  FROM ranked GROUP BY counter
  UNION ALL
  -- The last row: all of them.
  SELECT NULL, count(*), coalesce(sum(weight), 0), count(*), 1, NULL, NULL, NULL, NULL, NULL FROM base)
ORDER BY counter IS NULL, q50 DESC, counter;

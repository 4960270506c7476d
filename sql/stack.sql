-- Stacks: which share of the installations ran into each.
WITH
  -- Of each config that the reports name: the rate of the chart, and the counters that it collects.
  configs(config, rate, counters) AS (VALUES
    {configs}),
  collected AS (SELECT config, unnest(counters) AS counter FROM configs),
  builds AS (FROM '{parquet}' WHERE program = '{program}'{part}),
  -- The reports that could have the stacks. Each stands for 1 / rate installations.
  base AS (
    SELECT DISTINCT report, config, 1 / rate AS weight
    FROM builds JOIN configs USING (config) WHERE x <= rate),
  -- A stack is its counter's name, then one function a line; the lines of code are left out.
  counted AS (
    SELECT DISTINCT report, split_part(entry.name, chr(10), 1) AS counter,
      regexp_replace(entry.name, ':[-+=][0-9]+(,\+0x[0-9a-f]+)?(\n|$)', '\2', 'g') AS stack
    FROM (SELECT report, unnest(stacks) AS entry FROM builds)),
  could AS (
    SELECT counter, count(*) AS reports, sum(weight) AS installations
    FROM base JOIN collected USING (config) GROUP BY counter),
  has AS (
    SELECT counter, stack, report, weight
    FROM base JOIN collected USING (config) JOIN counted USING (report, counter)),
  hits AS (
    SELECT counter, stack, count(*) AS reports, sum(weight) AS installations
    FROM has GROUP BY counter, stack)
FROM (
  SELECT stack,
    hits.reports AS reports,
    hits.installations AS installations,
    could.reports AS of_reports,
    hits.installations / could.installations AS share
  FROM could JOIN hits USING (counter)
  UNION ALL
  -- The last row: the reports with none of the stacks.
  SELECT NULL,
    count(*) FILTER (report NOT IN (SELECT report FROM has)),
    coalesce(sum(weight) FILTER (report NOT IN (SELECT report FROM has)), 0),
    count(*),
    coalesce(sum(weight) FILTER (report NOT IN (SELECT report FROM has)), 0) / sum(weight)
  FROM base)
ORDER BY stack IS NULL, share DESC, stack;

-- What the queries of charts share. An engine's own file has made before, of the public files and
-- of what `candor chart --plan` wrote:
--
--   sent      a row a report: report, day, config
--   builds    a row a build of a program in a report: report, day, x, config, program, version, toolchain, goos, goarch
--   counters  the same, for each counter of a build, and: name, events
--   stacks    the same, for each stack of a build, and: counter, functions
--   plan_*    which reports and counters feed which charts
--
-- Only what DuckDB, DataFusion, Spark, Trino and ClickHouse read alike is used.

-- The cell of a report in published marginals: a digit for each margin, 0 where its category is unknown.
CREATE VIEW cells AS
WITH
  properties AS (
    SELECT d.week AS week, b.report AS report, b.program AS program, 'goos' AS property, b.goos AS value
    FROM builds AS b JOIN plan_days AS d ON d.day = b.day
    UNION ALL
    SELECT d.week AS week, b.report AS report, b.program AS program, 'goarch' AS property, b.goarch AS value
    FROM builds AS b JOIN plan_days AS d ON d.day = b.day
    UNION ALL
    SELECT d.week AS week, b.report AS report, b.program AS program, 'platform' AS property, b.goos || '/' || b.goarch AS value
    FROM builds AS b JOIN plan_days AS d ON d.day = b.day
    UNION ALL
    SELECT d.week AS week, b.report AS report, b.program AS program, 'version' AS property, b.version AS value
    FROM builds AS b JOIN plan_days AS d ON d.day = b.day
    UNION ALL
    SELECT d.week AS week, b.report AS report, b.program AS program, 'toolchain' AS property, b.toolchain AS value
    FROM builds AS b JOIN plan_days AS d ON d.day = b.day),
  -- The first category that any build has.
  by_property AS (
    SELECT o.week AS week, o.report AS report, o.program AS program, m.margin AS margin, MIN(m.digit) AS digit
    FROM properties AS o JOIN plan_margins AS m
      ON m.week = o.week AND m.program = o.program AND m.property = o.property AND m.value = o.value
    GROUP BY o.week, o.report, o.program, m.margin),
  sums AS (
    SELECT d.week AS week, n.report AS report, n.program AS program, m.margin AS margin, m.digit AS digit,
      SUM(n.events) AS times
    FROM counters AS n JOIN plan_days AS d ON d.day = n.day
      JOIN plan_margins AS m ON m.week = d.week AND m.program = n.program AND m.value = n.name
    WHERE m.property = 'counter'
    GROUP BY d.week, n.report, n.program, m.margin, m.digit),
  ranked AS (
    SELECT week, report, program, digit,
      ROW_NUMBER() OVER (PARTITION BY week, report, program, margin ORDER BY times DESC, digit) AS place
    FROM sums),
  weighted AS (SELECT DISTINCT week, program FROM plan_margins),
  found AS (
    SELECT week, report, program, digit FROM by_property
    UNION ALL
    -- The counter that is counted most.
    SELECT week, report, program, digit FROM ranked WHERE place = 1
    UNION ALL
    SELECT DISTINCT w.week, b.report, b.program, 0
    FROM builds AS b JOIN plan_days AS d ON d.day = b.day
      JOIN weighted AS w ON w.week = d.week AND w.program = b.program)
SELECT week, report, program, SUM(digit) AS digits FROM found GROUP BY week, report, program;

-- Each build once for each part of the reports that is counted on its own: all, its version, platform and toolchain,
-- and the cell of its report.
CREATE VIEW parts AS
SELECT d.week AS week, b.report AS report, b.x AS x, b.config AS config, b.program AS program, b.version AS version,
  p.dimension AS dimension,
  CASE p.dimension WHEN 'version' THEN b.version WHEN 'platform' THEN b.goos || '/' || b.goarch
    WHEN 'toolchain' THEN b.toolchain ELSE '' END AS part,
  CASE p.dimension WHEN 'cell' THEN COALESCE(e.digits, 0) ELSE 0 END AS cell
FROM builds AS b JOIN plan_days AS d ON d.day = b.day
  JOIN plan_parts AS p ON p.week = d.week AND p.program = b.program
  LEFT JOIN cells AS e ON e.week = d.week AND e.report = b.report AND e.program = b.program;

-- How many reports could have what a chart counts: a build's version counts, and X is at most the chart's rate.
CREATE VIEW bases AS
WITH
  strata AS (
    SELECT b.week AS week, b.program AS program, b.config AS config, s.stratum AS stratum, b.dimension AS dimension,
      b.part AS part, b.cell AS cell, COUNT(DISTINCT b.report) AS reports
    FROM parts AS b JOIN plan_strata AS s ON s.week = b.week AND s.program = b.program AND s.config = b.config
      JOIN plan_versions AS v
        ON v.week = b.week AND v.program = b.program AND v.since = s.since AND v.version = b.version
    WHERE b.x <= s.rate
    GROUP BY b.week, b.program, b.config, s.stratum, b.dimension, b.part, b.cell)
SELECT s.week AS week, s.program AS program, s.config AS config, s.dimension AS dimension, s.part AS part,
  s.cell AS cell, c.chart AS chart, c.kind AS kind, s.reports AS reports
FROM strata AS s JOIN plan_charts AS c
  ON c.week = s.week AND c.program = s.program AND c.config = s.config AND c.stratum = s.stratum;

-- What each report counted of a chart, in each part. Place 0 is the divisor of a ratio.
CREATE VIEW hits AS
WITH
  counted AS (
    SELECT d.week AS week, n.report AS report, n.program AS program, n.config AS config, k.chart AS chart,
      c.kind AS kind, k.place AS place, n.name AS name, n.events AS events, p.dimension AS dimension,
      CASE p.dimension WHEN 'version' THEN n.version WHEN 'platform' THEN n.goos || '/' || n.goarch
    WHEN 'toolchain' THEN n.toolchain ELSE '' END AS part,
  CASE p.dimension WHEN 'cell' THEN COALESCE(e.digits, 0) ELSE 0 END AS cell
    FROM counters AS n JOIN plan_days AS d ON d.day = n.day
      JOIN plan_buckets AS k ON k.week = d.week AND k.program = n.program AND k.name = n.name
      JOIN plan_charts AS c
        ON c.week = d.week AND c.program = n.program AND c.config = n.config AND c.chart = k.chart
      JOIN plan_strata AS s
        ON s.week = d.week AND s.program = n.program AND s.config = n.config AND s.stratum = c.stratum
      JOIN plan_versions AS v
        ON v.week = d.week AND v.program = n.program AND v.since = s.since AND v.version = n.version
      JOIN plan_parts AS p ON p.week = d.week AND p.program = n.program
      LEFT JOIN cells AS e ON e.week = d.week AND e.report = n.report AND e.program = n.program
    WHERE n.x <= s.rate AND c.kind <> 'stack')
SELECT week, report, program, config, dimension, part, cell, chart, kind, place, name, SUM(events) AS times
FROM counted
GROUP BY week, report, program, config, dimension, part, cell, chart, kind, place, name;

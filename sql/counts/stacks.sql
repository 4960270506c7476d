-- Stacks: how many reports could have the chart's stacks, how many have any, and how many have each.
WITH
  found AS (
    SELECT DISTINCT d.week AS week, t.report AS report, t.program AS program, t.config AS config, k.chart AS chart,
      t.counter AS counter, t.functions AS functions, p.dimension AS dimension,
      CASE p.dimension WHEN 'version' THEN t.version WHEN 'platform' THEN t.goos || '/' || t.goarch
    WHEN 'toolchain' THEN t.toolchain ELSE '' END AS part,
  CASE p.dimension WHEN 'cell' THEN COALESCE(e.digits, 0) ELSE 0 END AS cell
    FROM stacks AS t JOIN plan_days AS d ON d.day = t.day
      JOIN plan_buckets AS k ON k.week = d.week AND k.program = t.program AND k.name = t.counter
      JOIN plan_charts AS c
        ON c.week = d.week AND c.program = t.program AND c.config = t.config AND c.chart = k.chart
      JOIN plan_strata AS s
        ON s.week = d.week AND s.program = t.program AND s.config = t.config AND s.stratum = c.stratum
      JOIN plan_versions AS v
        ON v.week = d.week AND v.program = t.program AND v.since = s.since AND v.version = t.version
      JOIN plan_parts AS p ON p.week = d.week AND p.program = t.program
      LEFT JOIN cells AS e ON e.week = d.week AND e.report = t.report AND e.program = t.program
    WHERE t.x <= s.rate AND c.kind = 'stack')
SELECT week, program, config, dimension, part, cell, chart, 'base' AS item, '' AS name, '' AS functions, 0 AS dividend,
  0 AS divisor, reports
FROM bases
WHERE kind = 'stack'
UNION ALL
SELECT week, program, config, dimension, part, cell, chart, 'any', '', '', 0, 0, COUNT(DISTINCT report)
FROM found
GROUP BY week, program, config, dimension, part, cell, chart
UNION ALL
SELECT week, program, config, dimension, part, cell, chart, 'stack', counter, functions, 0, 0, COUNT(DISTINCT report)
FROM found
GROUP BY week, program, config, dimension, part, cell, chart, counter, functions
UNION ALL
-- That the week was counted.
SELECT DISTINCT week, '', '', '', '', 0, '', 'counted', 'stacks', '', 0, 0, 0
FROM plan_days;

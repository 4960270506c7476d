-- Ratios: how many reports have the divisor, and how many of these have each quotient. Place 0 is the divisor.
WITH
  divisors AS (
    SELECT week, report, program, config, dimension, part, cell, chart, times AS divisor
    FROM hits
    WHERE kind = 'ratio' AND place = 0),
  dividends AS (
    SELECT week, report, program, config, dimension, part, cell, chart, name, times AS dividend
    FROM hits
    WHERE kind = 'ratio' AND place > 0)
SELECT week, program, config, dimension, part, cell, chart, 'base' AS item, '' AS name, '' AS functions, 0 AS dividend,
  0 AS divisor, COUNT(DISTINCT report) AS reports
FROM divisors
GROUP BY week, program, config, dimension, part, cell, chart
UNION ALL
SELECT n.week, n.program, n.config, n.dimension, n.part, n.cell, n.chart, 'quotient', n.name, '', n.dividend, v.divisor,
  COUNT(DISTINCT n.report)
FROM dividends AS n JOIN divisors AS v
  ON v.week = n.week AND v.report = n.report AND v.program = n.program AND v.dimension = n.dimension
    AND v.part = n.part AND v.cell = n.cell AND v.chart = n.chart
GROUP BY n.week, n.program, n.config, n.dimension, n.part, n.cell, n.chart, n.name, n.dividend, v.divisor
UNION ALL
-- That the week was counted.
SELECT DISTINCT week, '', '', '', '', 0, '', 'counted', 'ratios', '', 0, 0, 0
FROM plan_days;

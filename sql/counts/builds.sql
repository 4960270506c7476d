-- Versions, platforms and toolchains: how many reports have each, and how many there are under each config.
SELECT d.week AS week, '' AS program, r.config AS config, '' AS dimension, '' AS part, 0 AS cell, '' AS chart, 'sent' AS item, '' AS name,
  '' AS functions, 0 AS dividend, 0 AS divisor, COUNT(DISTINCT r.report) AS reports
FROM sent AS r JOIN plan_days AS d ON d.day = r.day
GROUP BY d.week, r.config
UNION ALL
SELECT week, program, config, dimension, part, cell, '', 'present', '', '', 0, 0, COUNT(DISTINCT report)
FROM parts
GROUP BY week, program, config, dimension, part, cell
UNION ALL
-- That the week was counted.
SELECT DISTINCT week, '', '', '', '', 0, '', 'counted', 'builds', '', 0, 0, 0
FROM plan_days;

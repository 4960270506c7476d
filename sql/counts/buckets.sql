-- Partitions, histograms and time series: how many reports could have the chart's buckets, how many have any of them,
-- how many have each, and how many counted each more often than the others.
SELECT week, program, config, dimension, part, cell, chart, 'base' AS item, '' AS name, '' AS functions, 0 AS dividend,
  0 AS divisor, reports
FROM bases
WHERE kind = 'buckets'
UNION ALL
SELECT week, program, config, dimension, part, cell, chart, 'any', '', '', 0, 0, COUNT(DISTINCT report)
FROM hits
WHERE kind = 'buckets'
GROUP BY week, program, config, dimension, part, cell, chart
UNION ALL
SELECT week, program, config, dimension, part, cell, chart, 'bucket', name, '', 0, 0, COUNT(DISTINCT report)
FROM hits
WHERE kind = 'buckets'
GROUP BY week, program, config, dimension, part, cell, chart, name
UNION ALL
SELECT week, program, config, dimension, part, cell, chart, 'most', name, '', 0, 0, COUNT(DISTINCT report)
FROM (
    SELECT week, report, program, config, dimension, part, cell, chart, name,
      ROW_NUMBER() OVER (
        PARTITION BY week, report, program, dimension, part, cell, chart ORDER BY times DESC, place) AS order_by_times
    FROM hits
    WHERE kind = 'buckets') AS ranked
WHERE order_by_times = 1
GROUP BY week, program, config, dimension, part, cell, chart, name
UNION ALL
-- That the week was counted.
SELECT DISTINCT week, '', '', '', '', 0, '', 'counted', 'buckets', '', 0, 0, 0
FROM plan_days;

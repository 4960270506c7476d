-- ClickHouse, in a folder with the weeks' Parquet files in data/ and what `candor chart --plan plan` wrote in plan/:
--   cat plan/sql/clickhouse.sql plan/sql/views.sql plan/sql/buckets.sql > run.sql
--   clickhouse local --queries-file run.sql --output-format CSVWithNames > buckets.csv    the other queries alike
CREATE VIEW published AS SELECT *, week AS day FROM file('data/*.parquet');

CREATE VIEW plan_days AS SELECT * FROM file('plan/days.parquet');
CREATE VIEW plan_charts AS SELECT * FROM file('plan/charts.parquet');
CREATE VIEW plan_strata AS SELECT * FROM file('plan/strata.parquet');
CREATE VIEW plan_versions AS SELECT * FROM file('plan/versions.parquet');
CREATE VIEW plan_parts AS SELECT * FROM file('plan/parts.parquet');
CREATE VIEW plan_buckets AS SELECT * FROM file('plan/buckets.parquet');
CREATE VIEW plan_margins AS SELECT * FROM file('plan/margins.parquet');

CREATE VIEW sent AS SELECT DISTINCT report, day, config FROM published;

CREATE VIEW builds AS SELECT DISTINCT report, day, x, config, program, version, toolchain, goos, goarch FROM published WHERE program IS NOT NULL;

CREATE VIEW counters AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, entry.name AS name, entry.count AS events
FROM (SELECT *, arrayJoin(counters) AS entry FROM published WHERE program IS NOT NULL);

-- A stack's functions, innermost first, with tabs between them: without positions.
CREATE VIEW stacks AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, splitByChar('\n', entry.name)[1] AS counter,
  replaceAll(
    replaceRegexpAll(substring(entry.name, position(entry.name, '\n') + 1), ':[-+=][0-9]+(,\\+0x[0-9a-f]+)?(\n|$)', '\\2'),
    '\n', '\t') AS functions
FROM (SELECT *, arrayJoin(stacks) AS entry FROM published WHERE program IS NOT NULL);

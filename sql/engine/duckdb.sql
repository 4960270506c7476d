-- DuckDB, in a folder with the weeks' Parquet files in data/ and what `candor chart --plan plan` wrote in plan/:
--   cat plan/sql/duckdb.sql plan/sql/views.sql plan/sql/buckets.sql | duckdb -csv > buckets.csv
--                                                                                   the other queries alike
CREATE VIEW published AS SELECT *, week AS day FROM 'data/*.parquet';

CREATE VIEW plan_days AS FROM 'plan/days.parquet';
CREATE VIEW plan_charts AS FROM 'plan/charts.parquet';
CREATE VIEW plan_strata AS FROM 'plan/strata.parquet';
CREATE VIEW plan_versions AS FROM 'plan/versions.parquet';
CREATE VIEW plan_parts AS FROM 'plan/parts.parquet';
CREATE VIEW plan_buckets AS FROM 'plan/buckets.parquet';
CREATE VIEW plan_margins AS FROM 'plan/margins.parquet';

CREATE VIEW sent AS SELECT DISTINCT report, day, config FROM published;

CREATE VIEW builds AS SELECT DISTINCT report, day, x, config, program, version, toolchain, goos, goarch FROM published WHERE program IS NOT NULL;

CREATE VIEW counters AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, entry.name AS name, entry.count AS events
FROM (SELECT *, unnest(counters) AS entry FROM published WHERE program IS NOT NULL);

-- A stack's functions, innermost first, with tabs between them: without positions.
CREATE VIEW stacks AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, split_part(entry.name, chr(10), 1) AS counter,
  replace(
    regexp_replace(substr(entry.name, strpos(entry.name, chr(10)) + 1), ':[-+=][0-9]+(,\+0x[0-9a-f]+)?(\n|$)', '\2', 'g'),
    chr(10), chr(9)) AS functions
FROM (SELECT *, unnest(stacks) AS entry FROM published WHERE program IS NOT NULL);

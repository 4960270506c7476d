-- DataFusion (and Ballista, its cluster), in a folder with the weeks' Parquet files in data/ and what
-- `candor chart --plan plan` wrote in plan/:
--   cat plan/sql/datafusion.sql plan/sql/views.sql plan/sql/buckets.sql > run.sql
--   datafusion-cli --quiet --format csv -f run.sql > buckets.csv                    the other queries alike
CREATE EXTERNAL TABLE files STORED AS PARQUET LOCATION 'data/';

CREATE VIEW published AS SELECT *, week AS day FROM files;

CREATE EXTERNAL TABLE plan_days STORED AS PARQUET LOCATION 'plan/days.parquet';
CREATE EXTERNAL TABLE plan_charts STORED AS PARQUET LOCATION 'plan/charts.parquet';
CREATE EXTERNAL TABLE plan_strata STORED AS PARQUET LOCATION 'plan/strata.parquet';
CREATE EXTERNAL TABLE plan_versions STORED AS PARQUET LOCATION 'plan/versions.parquet';
CREATE EXTERNAL TABLE plan_parts STORED AS PARQUET LOCATION 'plan/parts.parquet';
CREATE EXTERNAL TABLE plan_buckets STORED AS PARQUET LOCATION 'plan/buckets.parquet';
CREATE EXTERNAL TABLE plan_margins STORED AS PARQUET LOCATION 'plan/margins.parquet';

CREATE VIEW sent AS SELECT DISTINCT report, day, config FROM published;

CREATE VIEW builds AS SELECT DISTINCT report, day, x, config, program, version, toolchain, goos, goarch FROM published WHERE program IS NOT NULL;

CREATE VIEW counters AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, entry['name'] AS name, entry['count'] AS events
FROM (SELECT *, unnest(counters) AS entry FROM published WHERE program IS NOT NULL);

-- A stack's functions, innermost first, with tabs between them: without positions.
CREATE VIEW stacks AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, split_part(name, chr(10), 1) AS counter,
  replace(
    regexp_replace(substr(name, strpos(name, chr(10)) + 1), ':[-+=][0-9]+(,\+0x[0-9a-f]+)?(\n|$)', '${2}', 'g'),
    chr(10), chr(9)) AS functions
FROM (
  SELECT report, day, x, config, program, version, toolchain, goos, goarch, entry['name'] AS name
  FROM (SELECT *, unnest(stacks) AS entry FROM published WHERE program IS NOT NULL));

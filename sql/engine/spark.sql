-- Spark SQL, in a folder with the weeks' Parquet files in data/ and what `candor chart --plan plan` wrote in plan/:
-- each statement of plan/sql/spark.sql and plan/sql/views.sql by spark.sql(...), then
--   spark.sql(open("plan/sql/buckets.sql").read()).write.option("escape", '"').csv("buckets", header=True)
--                                                                                   the other queries alike
CREATE VIEW published AS SELECT *, week AS day FROM parquet.`data`;

CREATE VIEW plan_days AS SELECT * FROM parquet.`plan/days.parquet`;
CREATE VIEW plan_charts AS SELECT * FROM parquet.`plan/charts.parquet`;
CREATE VIEW plan_strata AS SELECT * FROM parquet.`plan/strata.parquet`;
CREATE VIEW plan_versions AS SELECT * FROM parquet.`plan/versions.parquet`;
CREATE VIEW plan_parts AS SELECT * FROM parquet.`plan/parts.parquet`;
CREATE VIEW plan_buckets AS SELECT * FROM parquet.`plan/buckets.parquet`;
CREATE VIEW plan_margins AS SELECT * FROM parquet.`plan/margins.parquet`;

CREATE VIEW sent AS SELECT DISTINCT report, day, config FROM published;

CREATE VIEW builds AS SELECT DISTINCT report, day, x, config, program, version, toolchain, goos, goarch FROM published WHERE program IS NOT NULL;

CREATE VIEW counters AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, entry.name AS name, entry.count AS events
FROM (SELECT *, explode(counters) AS entry FROM published WHERE program IS NOT NULL);

-- A stack's functions, innermost first, with tabs between them: without positions.
CREATE VIEW stacks AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, split_part(entry.name, char(10), 1) AS counter,
  translate(
    regexp_replace(substr(entry.name, instr(entry.name, char(10)) + 1), r':[-+=][0-9]+(,\+0x[0-9a-f]+)?(\n|$)', '$2'),
    char(10), char(9)) AS functions
FROM (SELECT *, explode(stacks) AS entry FROM published WHERE program IS NOT NULL);

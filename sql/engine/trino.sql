-- Trino, where the weeks' Parquet files are the table `files` of a catalog (Hive's, say), and the files of
-- `candor chart --plan plan` its tables plan_days, plan_charts and so on:
--   trino --catalog hive --schema telemetry --output-format CSV_HEADER --execute "$(cat plan/sql/buckets.sql)" > buckets.csv
--                                                                                   the other queries alike
CREATE VIEW published AS SELECT *, week AS day FROM files;

CREATE VIEW sent AS SELECT DISTINCT report, day, config FROM published;

CREATE VIEW builds AS SELECT DISTINCT report, day, x, config, program, version, toolchain, goos, goarch FROM published WHERE program IS NOT NULL;

CREATE VIEW counters AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, entry_name AS name, entry_count AS events
FROM published CROSS JOIN UNNEST(counters) AS entry (entry_name, entry_count)
WHERE program IS NOT NULL;

-- A stack's functions, innermost first, with tabs between them: without positions.
CREATE VIEW stacks AS
SELECT report, day, x, config, program, version, toolchain, goos, goarch, split_part(entry_name, chr(10), 1) AS counter,
  replace(
    regexp_replace(substr(entry_name, strpos(entry_name, chr(10)) + 1), ':[-+=][0-9]+(,\+0x[0-9a-f]+)?(\n|$)', '$2'),
    chr(10), chr(9)) AS functions
FROM published CROSS JOIN UNNEST(stacks) AS entry (entry_name, entry_count)
WHERE program IS NOT NULL;

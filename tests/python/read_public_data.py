"""Reads a dataset in every format with DuckDB and pandas, and prints what each of them counts.

usage: read_public_data.py FOLDER NAME...     for files FOLDER/NAME.{ndjson.zst,ndjson.gz,parquet}
"""

import json
import sys

import duckdb
import pandas

PROGRAM = (
    "STRUCT(Program VARCHAR, Version VARCHAR, GoVersion VARCHAR, GOOS VARCHAR, GOARCH VARCHAR,"
    " Counters MAP(VARCHAR, BIGINT), Stacks MAP(VARCHAR, BIGINT))[]"
)


def query(sql):
    return [int(value or 0) for value in duckdb.sql(sql).fetchall()[0]]


def duckdb_lines(path):
    reports = (
        f"read_json('{path}', format = 'newline_delimited', columns = {{Week: 'DATE',"
        f" LastWeek: 'VARCHAR', X: 'DOUBLE', Programs: '{PROGRAM}', Config: 'VARCHAR'}})"
    )
    builds = f"(SELECT unnest(Programs) AS p FROM {reports})"
    count = "list_sum(map_values(p.Counters)), list_sum(map_values(p.Stacks))"
    [[reports], [rows]] = query(f"SELECT count(*) FROM {reports}"), query(
        f"SELECT count(*) FROM {builds}"
    )
    sums = query(f"SELECT sum(c), sum(s) FROM (SELECT {count.replace(',', ' AS c,', 1)} AS s FROM {builds})")
    return [reports, rows, *sums]


def pandas_lines(path):
    reports = pandas.read_json(path, lines=True, convert_dates=False)
    builds = [build for programs in reports.Programs for build in programs or []]
    sums = [sum(sum(b[of].values()) for b in builds) for of in ("Counters", "Stacks")]
    return [len(reports), len(builds), *sums]


def duckdb_parquet(path):
    sums = "sum(list_sum(list_transform({}, lambda pair: pair.count)))"
    [reports, rows, counters, stacks] = query(
        f"SELECT count(DISTINCT report), count(program), {sums.format('counters')},"
        f" {sums.format('stacks')} FROM '{path}'"
    )
    return [reports, rows, counters, stacks]


def pandas_parquet(path):
    builds = pandas.read_parquet(path)
    sums = [
        sum(pair["count"] for pairs in builds[of] for pair in pairs)
        for of in ("counters", "stacks")
    ]
    return [builds.report.nunique(), int(builds.program.count()), *(int(total) for total in sums)]


def main(folder, *names):
    counts = {}
    for name in names:
        path = f"{folder}/{name}"
        counts[name] = {
            "duckdb zst": duckdb_lines(f"{path}.ndjson.zst"),
            "duckdb gz": duckdb_lines(f"{path}.ndjson.gz"),
            "duckdb parquet": duckdb_parquet(f"{path}.parquet"),
            "pandas zst": pandas_lines(f"{path}.ndjson.zst"),
            "pandas gz": pandas_lines(f"{path}.ndjson.gz"),
            "pandas parquet": pandas_parquet(f"{path}.parquet"),
        }
    json.dump(counts, sys.stdout)


main(*sys.argv[1:])

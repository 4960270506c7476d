"""Runs SQL queries in DuckDB, and prints what each finds.

usage: run_queries.py QUERIES.json    an object of names and queries
"""

import json
import pathlib
import sys

import duckdb


def main(queries):
    database = duckdb.connect()
    found = {}
    for name, query in json.loads(pathlib.Path(queries).read_bytes()).items():
        rows = database.execute(query)
        columns = [column[0] for column in rows.description]
        found[name] = [dict(zip(columns, row)) for row in rows.fetchall()]
    json.dump(found, sys.stdout, default=float)


main(*sys.argv[1:])

"""Counts reports over Parquet files with DuckDB, as count(DISTINCT report) and COUNT(program).

usage: count_reports.py GLOB...     prints [reports, builds] for each pattern of files
"""

import json
import sys

import duckdb

SQL = "SELECT count(DISTINCT report), count(program) FROM '{}'"
json.dump([duckdb.sql(SQL.format(files)).fetchall()[0] for files in sys.argv[1:]], sys.stdout)

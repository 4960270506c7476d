"""`duckdb -c SQL`, for tests: the package has no command."""

import sys

import duckdb

assert sys.argv[1] == "-c" and len(sys.argv) == 3, sys.argv
for row in duckdb.sql(sys.argv[2]).fetchall():
    print(*row, sep="|")

"""Counts reports with a SQL engine, by the queries that `candor chart --plan plan` wrote.

usage: count_with.py duckdb|datafusion|spark|clickhouse OUT     in a folder with plan/ and data/

Writes OUT/builds.csv, buckets.csv, ratios.csv and stacks.csv.
"""

import pathlib
import sys

QUERIES = ["builds", "buckets", "ratios", "stacks"]


def text(name):
    return pathlib.Path("plan/sql", name + ".sql").read_text()


def statements(engine):
    """What an engine runs first: its own statements, then those that all share."""
    for part in (engine, "views"):
        lines = [line for line in text(part).splitlines() if not line.startswith("--")]
        yield from (one for one in "\n".join(lines).split(";") if one.strip())


def query(name):
    return text(name).rstrip().rstrip(";")


def duckdb(out):
    import duckdb

    database = duckdb.connect()
    for statement in statements("duckdb"):
        database.execute(statement)
    for name in QUERIES:
        database.sql(query(name)).write_csv(str(out / (name + ".csv")))


def datafusion(out):
    import datafusion

    context = datafusion.SessionContext()
    for statement in statements("datafusion"):
        context.sql(statement).collect()
    options = "STORED AS CSV OPTIONS ('format.has_header' 'true')"
    for name in QUERIES:
        context.sql(f"COPY ({query(name)}) TO '{out / (name + '.csv')}' {options}").collect()


def spark(out):
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    for statement in statements("spark"):
        session.sql(statement)
    for name in QUERIES:
        found = session.sql(query(name))
        found.write.option("escape", '"').csv(str(out / name), header=True)
        for number, part in enumerate(sorted((out / name).glob("part-*.csv"))):
            part.rename(out / f"{name}-{number}.csv")
    # The driver is among them.
    processes = session.sparkContext._jsc.sc().getExecutorMemoryStatus().size()
    print(f"\n{processes - 1} workers")
    session.stop()


def clickhouse(out):
    import chdb.session

    session = chdb.session.Session()
    for statement in statements("clickhouse"):
        session.query(statement)
    for name in QUERIES:
        (out / (name + ".csv")).write_bytes(session.query(query(name), "CSVWithNames").bytes())


engine, folder = sys.argv[1:]
folder = pathlib.Path(folder)
folder.mkdir()
{"duckdb": duckdb, "datafusion": datafusion, "spark": spark, "clickhouse": clickhouse}[engine](folder)

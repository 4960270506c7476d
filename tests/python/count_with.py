"""Counts reports with a SQL engine, by the queries that `candor chart --plan plan` wrote.

usage: count_with.py duckdb|datafusion|spark|clickhouse|ballista OUT     in a folder with plan/ and data/

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


def ballista(out):
    """A scheduler and two executors, each a process of its own, and this one, which only asks.

    All executors want the same second port, so each needs a network of its own: BALLISTA has the scheduler's address,
    and those of the executors with the names of their namespaces, such as "10.77.0.1 one=10.77.0.2 two=10.77.0.3".
    """
    import contextlib
    import os
    import socket
    import subprocess
    import time

    import pyarrow
    import pyarrow.csv
    from ballista import BallistaSessionContext

    def wait_for(process, address):
        while True:
            with socket.socket() as client:
                if client.connect_ex(address) == 0:
                    return
            if process.poll() is not None:
                sys.exit(f"ballista ended with {process.returncode}")
            time.sleep(0.1)

    def start(running, namespace, what, address, **settings):
        host, port = address
        given = "".join(f", {name}={value!r}" for name, value in settings.items())
        code = f"it = ballista.{what}(bind_host={host!r}, bind_port={port}{given}); it.start(); it.wait_for_termination()"
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        process = subprocess.Popen([*inside, sys.executable, "-c", "import ballista; " + code])
        running.callback(process.wait)
        running.callback(process.kill)
        wait_for(process, address)
        return process

    host, *executors = os.environ["BALLISTA"].split()
    port = 50050
    with contextlib.ExitStack() as running:
        start(running, None, "BallistaScheduler", (host, port))
        processes = []
        for executor in executors:
            namespace, address = executor.split("=")
            settings = {"scheduler_host": host, "scheduler_port": port, "concurrent_tasks": 1}
            processes.append(start(running, namespace, "BallistaExecutor", (address, 50051), **settings))
        context = BallistaSessionContext(address=f"df://{host}:{port}")
        for statement in statements("datafusion"):
            context.sql(statement)
        for name in QUERIES:
            for number, found in enumerate(context.sql(query(name)).collect()):
                # The writer knows no views of strings.
                text, is_view = pyarrow.string(), pyarrow.types.is_string_view
                plain = [(field.name, text if is_view(field.type) else field.type) for field in found.schema]
                part = out / f"{name}-{number}.csv"
                pyarrow.csv.write_csv(found.cast(pyarrow.schema(plain)), part)
        ticks = os.sysconf("SC_CLK_TCK")
        for process in processes:
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            print(f"an executor worked for {(int(fields[11]) + int(fields[12])) / ticks:.1f} s")


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
engines = {"duckdb": duckdb, "datafusion": datafusion, "spark": spark, "clickhouse": clickhouse, "ballista": ballista}
engines[engine](folder)

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
    """A scheduler and two executors, each a process of its own, and this one, which only asks."""
    import contextlib
    import os
    import socket
    import subprocess
    import time

    import pyarrow.csv
    from ballista import BallistaSessionContext

    def free_port():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return listener.getsockname()[1]

    def listens(port):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    def start(what, **settings):
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        code = f"import ballista; it = ballista.{what}({given}); it.start(); it.wait_for_termination()"
        return subprocess.Popen([sys.executable, "-c", code])

    def wait_for(process, port):
        while not listens(port):
            if process.poll() is not None:
                sys.exit(f"ballista ended with {process.returncode}")
            time.sleep(0.1)

    port = free_port()
    with contextlib.ExitStack() as running:
        processes = []

        def run(what, own_port, **settings):
            process = start(what, bind_host="127.0.0.1", bind_port=own_port, **settings)
            running.callback(process.wait)
            running.callback(process.kill)
            processes.append(process)
            wait_for(process, own_port)

        run("BallistaScheduler", port)
        for _ in range(2):
            run("BallistaExecutor", free_port(), scheduler_host="127.0.0.1", scheduler_port=port, concurrent_tasks=1)
        context = BallistaSessionContext(address=f"df://127.0.0.1:{port}")
        for statement in statements("datafusion"):
            context.sql(statement)
        for name in QUERIES:
            found = context.sql(query(name)).to_arrow_table()
            pyarrow.csv.write_csv(found, out / (name + ".csv"))
        # What each executor did, by the processor's time that it used.
        ticks = os.sysconf("SC_CLK_TCK")
        for process in processes[1:]:
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

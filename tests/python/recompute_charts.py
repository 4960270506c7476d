"""Computes the figures of a week again, from its Parquet file and the configs that its reports name.

usage: recompute_charts.py WEEK.parquet CHARTS.json CONFIG.json...    with configs named v0.N.0.json

Of the charts it takes which figures there are and what they count, and none of their numbers. It
prints, for every figure and every part of one, what it finds: [reports, total] of the base, and for
each row [reports, total, reports of its base, share, quantiles].
"""

import json
import pathlib
import sys

import duckdb

PARTS = {
    "version": "version",
    "platform": "goos || '/' || goarch",
    "toolchain": "toolchain",
}
# A stack counter, then the functions of its frames: their positions are left out.
GROUPED = r"regexp_replace(entry.name, ':[-+=][0-9]+(,\+0x[0-9a-f]+)?(\n|$)', '\2', 'g')"


def expand(expression):
    chart, group, buckets = expression.partition("{")
    return [chart + bucket for bucket in buckets.rstrip("}").split(",")] if group else [expression]


def rates_of(config, program, kind):
    found = {}
    for listed in config["Programs"]:
        if listed["Name"] == program:
            for entry in listed.get("Stacks" if kind == "stack" else "Counters") or []:
                for name in [entry["Name"]] if kind == "stack" else expand(entry["Name"]):
                    found[name] = entry["Rate"]
    return found


def tables(database, figure, program, configs):
    """Which config collects what of a figure, and at what rate."""
    names = {row["counter"] for row in figure["rows"]} | set(expand(figure["counter"]))
    collected, rates = [], []
    for version, config in configs.items():
        listed = rates_of(config, program, figure["kind"])
        over = [listed.get(figure["over"])] if "over" in figure else []
        here = [name for name in names if name in listed] if None not in over else []
        collected += [[version, name] for name in here]
        if here:
            rates.append([version, min([listed[name] for name in here] + over)])
    database.execute("CREATE OR REPLACE TEMP TABLE collected (config VARCHAR, name VARCHAR)")
    database.execute("CREATE OR REPLACE TEMP TABLE rates (config VARCHAR, rate DOUBLE)")
    database.executemany("INSERT INTO collected VALUES (?, ?)", collected)
    database.executemany("INSERT INTO rates VALUES (?, ?)", rates)


def part(database, figure, program, of):
    """The figure for all builds, or for some."""
    column = "stacks" if figure["kind"] == "stack" else "counters"
    key = GROUPED if figure["kind"] == "stack" else "entry.name"
    database.execute(
        f"""CREATE OR REPLACE TEMP TABLE base AS
            SELECT DISTINCT report, config, 1 / rate AS weight FROM week JOIN rates USING (config)
            WHERE program = $program AND x <= rate AND {of}""",
        {"program": program},
    )
    database.execute(
        f"""CREATE OR REPLACE TEMP TABLE counted AS
            SELECT report, {key} AS key, split_part(entry.name, chr(10), 1) AS name,
                sum(entry.count) AS count
            FROM (SELECT report, unnest({column}) AS entry FROM week
                  WHERE program = $program AND {of})
            GROUP BY ALL""",
        {"program": program},
    )
    if figure["kind"] == "ratio":
        database.execute(
            """CREATE OR REPLACE TEMP TABLE base AS
               SELECT base.*, count AS divisor FROM base JOIN counted USING (report)
               WHERE key = $over""",
            {"over": figure["over"]},
        )
    rows = {}
    found = database.execute(
        """WITH own AS (SELECT name, count(*) AS reports, sum(weight) AS total
                        FROM base JOIN collected USING (config) GROUP BY name),
                hits AS (SELECT key, name, count(*) AS reports, sum(weight) AS total
                         FROM base JOIN counted USING (report) JOIN collected USING (config, name)
                         GROUP BY key, name)
           SELECT coalesce(key, name), coalesce(hits.reports, 0), coalesce(hits.total, 0),
               own.reports, coalesce(hits.total, 0) / own.total, name
           FROM own LEFT JOIN hits USING (name)"""
    ).fetchall()
    for key, reports, total, base, share, name in found:
        rows[key] = [reports, total, base, share, quantiles(database, figure, name)]
    base = database.execute("SELECT count(*), coalesce(sum(weight), 0) FROM base").fetchone()
    return {"base": base, "rows": rows}


def quantiles(database, figure, name):
    if figure["kind"] != "ratio":
        return []
    found = []
    for at in [0.05, 0.25, 0.5, 0.75, 0.95]:
        [value] = database.execute(
            """WITH quotients AS (
                   SELECT coalesce(count, 0) / divisor AS value, weight
                   FROM base JOIN collected USING (config)
                   LEFT JOIN (SELECT report, count FROM counted WHERE key = $name) USING (report)
                   WHERE name = $name)
               SELECT min(value) FROM (
                   SELECT value, sum(weight) OVER (ORDER BY value) AS cumulative,
                       sum(weight) OVER () AS total FROM quotients)
               WHERE cumulative >= $at * total * (1 - 1e-9)""",
            {"name": name, "at": at},
        ).fetchone()
        found.append(value)
    return found


def main(parquet, charts, *configs):
    configs = {pathlib.Path(path).stem: json.loads(pathlib.Path(path).read_bytes()) for path in configs}
    database = duckdb.connect()
    database.execute(f"CREATE TEMP TABLE week AS FROM '{parquet}'")
    found = {}
    for program in json.loads(pathlib.Path(charts).read_bytes())["programs"]:
        path = program["program"]
        for figure in program["charts"]:
            if "counter" not in figure:
                continue
            tables(database, figure, path, configs)
            parts = {"": part(database, figure, path, "true")}
            for dimension, label in PARTS.items():
                labels = database.execute(
                    f"SELECT DISTINCT {label} FROM week WHERE program = $program", {"program": path}
                )
                for [value] in labels.fetchall():
                    some = part(database, figure, path, f"{label} = '{value}'")
                    if some["base"][0]:
                        parts[f"{dimension} {value}"] = some
            found[f"{path} {figure['id']}"] = parts
    json.dump(found, sys.stdout)


main(*sys.argv[1:])

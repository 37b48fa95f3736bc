#!/usr/bin/env python3
"""Strata beside DuckDB and Polars: the same work on the same files in the same run. Every count is compared before a time is
printed. bench.py ENGINE STRATA FOLDER --customers N [--quick] [--seed S] [--repeat R] [--only W1 ...] [--json FILE]

Data are made once below FOLDER. Times are medians of at least five; loading is timed only where the work says so."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import data
import rules
import traits

THREADS = 2
RULES = 200


def median(times):
    return statistics.median(times)


def note(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, args):
        self.args = args
        self.folder = os.path.join(args.folder, str(args.customers))
        self.table = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def rule_file(self, name, text):
        path = self.path(name + ".seg")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    # ---- Strata ----
    def strata(self, name, text, what, tables, env=None, repeat=None):
        command = [self.args.engine, self.rule_file(name, text), str(THREADS), str(repeat or self.args.repeat), what]
        command += [f"{t}={self.path(t)}.parquet" for t in tables]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
        if done.returncode != 0:
            sys.exit(f"{name}: {done.stderr}")
        said = json.loads(done.stdout)
        return median(said["seconds"]), said.get("counts"), said["peak_bytes"]

    # ---- other engines, each in a process of its own, so that memory is its own too ----
    def other(self, work):
        done = subprocess.run([sys.executable, __file__, "--work", json.dumps({**work, "folder": self.folder, "seed": self.args.seed,
                               "repeat": work.get("repeat", self.args.repeat)})], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, None, None, done.stderr.strip().splitlines()[-1:] or ["stopped"]
        said = json.loads(done.stdout.splitlines()[-1])
        return median(said["seconds"]), said["counts"], said["peak_bytes"], None

    def row(self, work, engine, seconds, peak=None, ratio=None, remark=""):
        self.table.append({"work": work, "engine": engine, "seconds": seconds, "ratio": ratio, "peak_bytes": peak, "remark": remark})
        print(f"{work:<34} {engine:<22} {seconds:>10.4f} s {'' if ratio is None else f'{ratio:>8.1f}x':>9} "
              f"{'' if peak is None else f'{peak / 1e9:6.2f} GB':>10}  {remark}", flush=True)

    def compare(self, work, ours, counts, others):
        """Rows of one piece of work; stops where a count differs."""
        self.row(work, "strata", ours[0], ours[2])
        for engine, (seconds, theirs, peak, failed) in others.items():
            if failed:
                note(f"{work}: {engine} could not do it: {failed[0]}")
                continue
            if theirs != counts:
                wrong = [k for k in counts if theirs.get(k) != counts[k]][:5]
                sys.exit(f"{work}: {engine} counts otherwise: " + ", ".join(f"{k} {theirs.get(k)} not {counts[k]}" for k in wrong))
            self.row(work, engine, seconds, peak, seconds / ours[0])

    def wanted(self, work):
        return not self.args.only or work in self.args.only

    # ---- the work ----
    def w1(self):
        for shape, what in (("counts", "counts"), ("columns", "columns")):
            ours = self.strata("w1", rules.seg(rules.make(self.args.seed, RULES)), what, ["customers"])
            counts = {k.split(".")[0]: v for k, v in ours[1].items()}
            others = {e: self.other({"work": "w1", "engine": e, "shape": shape, "rules": RULES}) for e in
                      ("polars", "duckdb", "duckdb, tests once")}
            self.compare(f"W1 {RULES} rules, {shape}", ours, counts, others)

    def few(self):
        read = self.bandwidth()
        self.row("memory, read by 2 threads", "", read[0], remark=f"{read[1] / 1e9:.1f} GB/s")
        for n in (1, 10, 50, 200, 1000):
            made = rules.make(self.args.seed, n)
            seconds, _, _ = self.strata(f"few{n}", rules.seg(made), "counts", ["customers"])
            touched = sum(self.width(c) for c in {leaf[0] for r in made for leaf in rules.leaves(r)}) * self.args.customers
            self.row(f"{n} rules, counts", "strata", seconds,
                     remark=f"{touched / seconds / 1e9:.1f} GB/s of columns as stored, {100 * touched / seconds / read[1]:.0f}% of memory")

    @staticmethod
    def width(column):
        kind = rules.KIND[column]
        return {"int": 8, "float": 8, "date": 4, "string": 4, "bool": 0.125}.get(kind, 16)

    def bandwidth(self):
        import threading
        import numpy as np
        block = np.ones(1 << 27, dtype=np.int64)
        halves = np.array_split(block, THREADS)
        best = None
        for _ in range(5):
            begin = time.perf_counter()
            workers = [threading.Thread(target=h.sum) for h in halves]
            for w in workers:
                w.start()
            for w in workers:
                w.join()
            best = min(best or 1e9, time.perf_counter() - begin)
        return best, block.nbytes / best

    def compiling(self):
        seconds, _, _ = self.strata("w1000", rules.seg(rules.make(self.args.seed, 1000)), "compile", [])
        self.row("compiling 1000 rules", "strata", seconds)

    def w2(self):
        text = traits.SCHEMA + traits.seg_traits()
        ours = self.strata("w2", text, "load", ["customers", "orders"])
        once = self.strata("w2", text, "columns", ["customers", "orders"])
        made = traits.rules(self.args.seed, 50)
        more = self.strata("w2rules", text + traits.seg_rules(made), "columns", ["customers", "orders"])
        counts = {f"t{i}": more[1][f"t{i}.in"] for i in range(len(made))}
        others = {e: self.other({"work": "w2", "engine": e, "repeat": max(3, self.args.repeat // 2)}) for e in ("duckdb", "polars")}
        self.row("W2 20 traits, ids to be mapped", "strata", ours[0], ours[2])
        self.row("W2 20 traits, mapped before", "strata", once[0], once[2])
        rules_seconds = max(more[0] - once[0], 1e-4)
        self.row("W2 50 rules on the traits", "strata", rules_seconds)
        for engine, (seconds, theirs, peak, failed) in others.items():
            if failed:
                note(f"W2: {engine} could not do it: {failed[0]}")
                continue
            on_traits = theirs.pop("seconds_rules")
            if theirs != counts:
                wrong = [k for k in counts if theirs.get(k) != counts[k]][:5]
                sys.exit(f"W2: {engine} counts otherwise: " + ", ".join(f"{k} {theirs.get(k)} not {counts[k]}" for k in wrong))
            self.row("W2 20 traits", engine, seconds, peak, seconds / ours[0], f"{seconds / once[0]:.1f}x of the mapped run")
            self.row("W2 50 rules on the traits", engine, on_traits, None, on_traits / rules_seconds)

    def w3(self):
        ours = self.strata("w3", traits.SCHEMA + traits.RFM, "counts", ["customers", "orders"])
        counts = {k.split(".", 1)[1]: v for k, v in ours[1].items() if k.startswith("loyalty.") and k.count(".") == 1}
        self.compare("W3 rfm with tiers", ours, counts, {"duckdb": self.other({"work": "w3", "engine": "duckdb"})})

    def w4(self):
        for name in ("md5", "sha256"):
            text = ("hash sha256\n" if name == "sha256" else "") + rules.seg_schema() + \
                'segment everybody where age >= 0\nexperiment x on everybody salt "spring-26" { arms { a 10% b 45% c 45% } }\n'
            ours = self.strata("w4" + name, text, "counts", ["customers"])
            counts = {k.split(".")[1]: v for k, v in ours[1].items() if k.startswith("x.")}
            self.compare(f"W4 assignments by {name}", ours, counts, {"duckdb": self.other({"work": "w4", "engine": "duckdb", "hash": name})})

    def w5(self):
        data.make_csv(self.folder)
        path = self.rule_file("w5", rules.seg(rules.make(self.args.seed, RULES)))
        for source in ("parquet", "csv"):
            times = []
            for _ in range(self.args.repeat):
                begin = time.perf_counter()
                subprocess.run([self.args.strata, "run", path, "--data", f"customers={self.path('customers.' + source)}", "--as-of",
                                traits.AS_OF, "--threads", str(THREADS), "-o", self.path("out.parquet")], check=True, capture_output=True)
                times.append(time.perf_counter() - begin)
            counts = count_file(self.path("out.parquet"))
            ours = (median(times), counts, None)
            others = {e: self.other({"work": "w5", "engine": e, "source": source}) for e in ("polars", "duckdb")}
            self.compare(f"W5 {source} to parquet", ours, counts, others)


def count_file(path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    table = pq.read_table(path)
    return {name: pc.sum(table[name]).as_py() or 0 for name in table.column_names if name != "customer_id"}


# ---- the other engines ----
def timed(repeat, call):
    times, answer = [], None
    for _ in range(repeat):
        begin = time.perf_counter()
        answer = call()
        times.append(time.perf_counter() - begin)
    return times, answer


def duck(folder, tables):
    import duckdb
    con = duckdb.connect()
    con.execute(f"set threads to {THREADS}")
    con.execute("set enable_progress_bar = false")
    for t in tables:
        con.execute(f"create table {t} as select * from read_parquet('{folder}/{t}.parquet')")
    return con


def duck_rules(made, once):
    """The select list, and the table it reads. once: each test once in a subquery, the rules on its columns."""
    if not once:
        return [rules.sql_rule(r) for r in made], "customers"
    names = {}
    for r in made:
        for leaf in rules.leaves(r):
            names.setdefault(leaf, f"l{len(names)}")
    inner = ", ".join(f"({rules.sql_leaf(leaf)}) as {name}" for leaf, name in names.items())
    return [rules.sql_rule(r, lambda leaf: names[leaf]) for r in made], f"(select {inner} from customers)"


def duck_w1(w):
    made = rules.make(w["seed"], w["rules"])
    con = duck(w["folder"], ["customers"])
    spelled, source = duck_rules(made, "once" in w["engine"])
    if w["shape"] == "counts":
        query = "select " + ", ".join(f"count(*) filter (where {r})" for r in spelled) + " from " + source
        times, answer = timed(w["repeat"], lambda: con.execute(query).fetchone())
        return times, {f"r{i}": n for i, n in enumerate(answer)}
    query = "select " + ", ".join(f"coalesce({r}, false) as r{i}" for i, r in enumerate(spelled)) + " from " + source
    times, answer = timed(w["repeat"], lambda: con.execute(query).to_arrow_table())
    import pyarrow.compute as pc
    return times, {name: pc.sum(answer[name]).as_py() for name in answer.column_names}


def polars_w1(w):
    import polars as pl
    made = rules.make(w["seed"], w["rules"])
    frame = pl.read_parquet(w["folder"] + "/customers.parquet")
    spelled = [rules.polars_rule(pl, r).fill_null(False) for r in made]
    if w["shape"] == "counts":
        asked = [e.sum().alias(f"r{i}") for i, e in enumerate(spelled)]
        times, answer = timed(w["repeat"], lambda: frame.lazy().select(asked).collect())
        return times, {k: int(v) for k, v in answer.row(0, named=True).items()}
    asked = [e.alias(f"r{i}") for i, e in enumerate(spelled)]
    times, answer = timed(w["repeat"], lambda: frame.lazy().select(asked).collect())
    return times, {k: int(v) for k, v in answer.sum().row(0, named=True).items()}


def duck_w2(w):
    con = duck(w["folder"], ["customers", "orders"])
    spelled = ", ".join(f"{traits.sql_trait(*t[1:])} as {t[0]}" for t in traits.TRAITS)
    times, _ = timed(w["repeat"], lambda: con.execute(
        f"create or replace table made as select customer_id, {spelled} from orders group by customer_id"))
    zeros = ", ".join(f"coalesce({t[0]}, 0) as {t[0]}" if t[1] in ("count", "sum", "distinct") else t[0] for t in traits.TRAITS)
    query = "select " + ", ".join(f"count(*) filter (where {traits.spelled(r)})" for r in traits.rules(w["seed"], 50)) + \
        f" from (select customer_id, {zeros} from customers left join made using (customer_id))"
    rule_times, answer = timed(w["repeat"], lambda: con.execute(query).fetchone())
    return times, {**{f"t{i}": n for i, n in enumerate(answer)}, "seconds_rules": median(rule_times)}


def polars_w2(w):
    import polars as pl
    people = pl.read_parquet(w["folder"] + "/customers.parquet", columns=["customer_id"])
    rows = pl.read_parquet(w["folder"] + "/orders.parquet")
    asked = [traits.polars_trait(pl, *t) for t in traits.TRAITS]
    times, made = timed(w["repeat"], lambda: rows.lazy().group_by("customer_id").agg(asked).collect())
    zeros = [pl.col(t[0]).fill_null(0) for t in traits.TRAITS if t[1] in ("count", "sum", "distinct")]
    def tested(rule):
        word, tests = rule
        spelled = [(pl.col(n) >= c) if op == ">=" else (pl.col(n) < c) for n, op, c in tests]
        whole = spelled[0]
        for t in spelled[1:]:
            whole = whole & t if word == "and" else whole | t
        return whole.fill_null(False).sum()
    rule_asked = [tested(r).alias(f"t{i}") for i, r in enumerate(traits.rules(w["seed"], 50))]
    rule_times, answer = timed(w["repeat"], lambda: people.lazy().join(made.lazy(), on="customer_id", how="left")
                               .with_columns(zeros).select(rule_asked).collect())
    return times, {**{k: int(v) for k, v in answer.row(0, named=True).items()}, "seconds_rules": median(rule_times)}


def duck_w3(w):
    con = duck(w["folder"], ["orders"])
    times, answer = timed(w["repeat"], lambda: con.execute(traits.sql_rfm()).fetchall())
    return times, dict(answer)


def duck_w4(w):
    con = duck(w["folder"], ["customers"])
    cut = [(10 << 52) // 100 + 1, (55 << 52) // 100 + 1, 1 << 52]
    hashed = f"('0x' || substr({w['hash']}('spring-26:' || customer_id), 1, 13))::bigint"
    query = f"select case when h < {cut[0]} then 'a' when h < {cut[1]} then 'b' else 'c' end as arm, count(*) from " \
        f"(select {hashed} as h from customers) group by 1"
    times, answer = timed(w["repeat"], lambda: con.execute(query).fetchall())
    return times, dict(answer)


W5 = {"duckdb": """
import duckdb, rules
con = duckdb.connect()
con.execute("set threads to {threads}")
made = rules.make({seed}, {n})
con.execute("copy (select customer_id, " + ", ".join(f"coalesce({{rules.sql_rule(r)}}, false) as r{{i}}" for i, r in enumerate(made))
    + " from {reader}) to '{out}' (format parquet)")
""", "polars": """
import polars as pl, rules
made = rules.make({seed}, {n})
frame = {reader}
asked = [rules.polars_rule(pl, r).fill_null(False).alias(f"r{{i}}") for i, r in enumerate(made)]
frame.select([pl.col("customer_id")] + asked).sink_parquet("{out}")
"""}


def polars_kinds():
    kinds = {"int": "pl.Int64", "float": "pl.Float64", "bool": "pl.Boolean", "date": "pl.Date", "string": "pl.String"}
    spelled = [f"'customer_id': pl.Int64"] + [f"'{c}': {kinds.get(rules.KIND[c], 'pl.Decimal(12, 2)')}" for c, _, _ in rules.COLUMNS]
    return "{" + ", ".join(spelled) + "}"


def duck_kinds():
    kinds = {"int": "bigint", "float": "double", "bool": "boolean", "date": "date", "string": "varchar"}
    spelled = ["'customer_id': 'bigint'"] + [f"'{c}': '{kinds.get(rules.KIND[c], 'decimal(12,2)')}'" for c, _, _ in rules.COLUMNS]
    return "{" + ", ".join(spelled) + "}"


def other_w5(w):
    out, path = w["folder"] + "/out_other.parquet", f"{w['folder']}/customers.{w['source']}"
    reader = {("duckdb", "parquet"): f"read_parquet('{path}')", ("duckdb", "csv"): f"read_csv('{path}', columns={duck_kinds()}, header=true)",
              ("polars", "parquet"): f"pl.scan_parquet('{path}')",
              ("polars", "csv"): f"pl.scan_csv('{path}', schema={polars_kinds()})"}[w["engine"], w["source"]]
    script = W5[w["engine"]].format(threads=THREADS, seed=w["seed"], n=RULES, out=out, reader=reader)
    env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)), "POLARS_MAX_THREADS": str(THREADS)}
    times, _ = timed(w["repeat"], lambda: subprocess.run([sys.executable, "-c", script], check=True, env=env))
    return times, count_file(out)


def peak_bytes():
    """The most memory that this process had; the system's own count goes over from the process that started it."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def work(w):
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    engine = w["engine"].split(",")[0]
    if w["work"] == "w5":
        times, counts = other_w5(w)
    else:
        times, counts = globals()[{"duckdb": "duck", "polars": "polars"}[engine] + "_" + w["work"]](w)
    peak = None if w["work"] == "w5" else peak_bytes()
    print(json.dumps({"seconds": times, "counts": counts, "peak_bytes": peak}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work")
    parser.add_argument("engine", nargs="?")
    parser.add_argument("strata", nargs="?")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", action="append")
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.work:
        return work(json.loads(args.work))
    if args.quick:
        args.customers, args.repeat = min(args.customers, 1_000_000), 1
    bench = Bench(args)
    note(f"Making {args.customers} customers and {args.customers * data.ORDERS_A_CUSTOMER} orders in {bench.folder}, where they are missing")
    data.make(bench.folder, args.customers, args.seed)
    for name, call in (("W1", bench.w1), ("rules", bench.few), ("compile", bench.compiling), ("W2", bench.w2), ("W3", bench.w3),
                       ("W4", bench.w4), ("W5", bench.w5)):
        if bench.wanted(name):
            call()
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump({"customers": args.customers, "seed": args.seed, "threads": THREADS, "rows": bench.table}, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())

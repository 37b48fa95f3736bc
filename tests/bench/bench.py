#!/usr/bin/env python3
"""Strata beside DuckDB and Polars: the same work on the same files in the same run. Every count is compared before a time is
printed. bench.py PROGRAMS STRATA FOLDER [option...], which ./dev bench calls.

Data are made once below FOLDER. Times are medians; the JSON has all of them. Loading is timed only where the work says so."""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

import data
import goals
import machine
import rules
import traits

THREADS = 2
RULES, TRAIT_RULES = 200, 50
FILE_CUSTOMERS = 1_000_000  # of the work from file to file
SHORT, OFTEN = 0.1, 5  # what takes less seconds than this is repeated so many times as often
SELDOM = 3  # what takes another engine long is repeated so often
NOISE = 0.02  # a difference between two times that is a smaller part of them means nothing
HERE = os.path.dirname(os.path.abspath(__file__))


def note(text):
    print(text, file=sys.stderr, flush=True)


def run_json(command, env=None):
    """What a program says as JSON; None and its last words where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
    return json.loads(done.stdout.splitlines()[-1]), None


def counts_of(counts, prefix="", label="in"):
    """Of the counts that the library gives, "definition.label": those of one label, or of one definition by label."""
    if prefix:
        return {k.split(".", 1)[1]: v for k, v in counts.items() if k.startswith(prefix + ".") and k.count(".") == 1}
    return {k.rsplit(".", 1)[0]: v for k, v in counts.items() if k.endswith("." + label)}


def added(before, after):
    """What the second adds to the first, by medians or by the least, whichever says more."""
    less = statistics.median(before)
    return max(statistics.median(after) - less, min(after) - min(before), NOISE * less)


class Bench:
    def __init__(self, args, scratch):
        self.args = args
        self.scratch = scratch
        self.rows = []
        self.points = []  # of the scaling
        self.compared, self.skipped = 0, 0
        self.machine = {**machine.describe(), "threads": THREADS}
        self.folder = self.make_data(args.customers)

    def make_data(self, customers):
        """The folder of so many customers; the seed stands in its name unless it is 1."""
        seed = self.args.seed
        folder = os.path.join(self.args.folder, f"{customers}" if seed == 1 else f"{customers}-{seed}")
        if not data.is_made(folder):
            note(f"Making {customers:,} customers and {customers * data.ORDERS_A_CUSTOMER:,} orders in {folder}")
            data.make(folder, customers, seed)
        return folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def rule_file(self, name, text):
        path = os.path.join(self.scratch, name + ".seg")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    # ---- Strata ----
    def engine(self, arguments, env=None):
        said, failed = run_json([os.path.join(self.args.programs, "bench_engine"), *map(str, arguments)], env)
        if failed:
            sys.exit(f"strata: {failed}")
        return said

    def strata(self, name, text, output, when, tables, env=None, threads=THREADS):
        """The library over data in memory. What is short is measured more often."""
        def timed(repeat):
            return self.engine(["run", self.rule_file(name, text), threads, repeat, output, when]
                               + [f"{t}={self.path(t)}.parquet" for t in tables], env)
        said = timed(self.args.repeat)
        short = statistics.median(said["seconds"]) < SHORT and not self.args.quick
        return timed(OFTEN * self.args.repeat) if short and when == "later" else said

    # ---- other engines, each in a process of its own, so that memory is its own too ----
    def other(self, work, engine, **more):
        if engine not in self.args.engines:
            return {"skipped": True}
        note(f"{work} with {engine}{', tests once' if more.get('once') else ''}{', text' if more.get('plain') else ''} …")
        w = {"work": work, "engine": engine, "folder": self.folder, "customers": self.args.customers, "seed": self.args.seed,
             "threads": THREADS, "rules": RULES, "repeat": self.args.repeat, "once": False, "plain": False, "quick": self.args.quick,
             **more}
        if not self.args.quick and self.is_long(w):
            w["repeat"] = min(self.args.repeat, SELDOM)
        said, failed = run_json([sys.executable, os.path.join(HERE, "rivals.py"), json.dumps(w)])
        if failed:
            note(f"{work}: {engine} could not do it: {failed}")
        return said or {"skipped": True}

    def is_long(self, w):
        """DuckDB works at every test of every rule, and at a group a customer, anew."""
        return w["engine"] == "duckdb" and w["work"] in ("w1", "w2") and w["customers"] > 3_000_000

    # ---- rows ----
    def row(self, work, title, engine, said, base=None, remark="", **more):
        times = said["seconds"]
        middle, least = statistics.median(times), min(times)
        ratio = middle / base if base else None
        peak = said.get("peak_bytes")
        remark = "; ".join(r for r in (said.get("way"), remark) if r)
        self.rows.append({"id": work, "work": title, "engine": engine, "seconds": middle, "min": least, "max": max(times),
                          "spread": (max(times) - least) / middle if middle else 0, "times": times, "ratio": ratio,
                          "peak_bytes": peak, "remark": remark, **more})
        print(f"{title:<40} {engine:<20} {middle:>10.4f} s {f'{ratio:.1f}x' if ratio else '':>8} "
              f"{f'{peak / 1e9:.2f} GB' if peak else '':>9}  {remark}", flush=True)
        return middle

    def check(self, title, counts, others):
        """Stops where an engine counts otherwise."""
        for engine, said in others.items():
            if "skipped" in said:
                self.skipped += 1
                continue
            self.compared += 1
            theirs = said["counts"]
            wrong = [k for k in sorted(counts.keys() | theirs.keys()) if theirs.get(k) != counts.get(k)]
            if wrong:
                sys.exit(f"{title}: {engine} counts otherwise: "
                         + ", ".join(f"{k} {theirs.get(k)}, not {counts.get(k)}" for k in wrong[:5]))

    def compare(self, work, title, ours, counts, others, remark=""):
        """The rows of a piece of work, with the counts held against each other first."""
        self.check(title, counts, others)
        base = self.row(work, title, "strata", ours, remark=remark)
        for engine, said in others.items():
            if "skipped" not in said:
                self.row(work, title, engine, said, base)

    # ---- the work ----
    def w1(self):
        text = rules.seg(rules.make(self.args.seed, RULES))
        for output in ("counts", "columns"):
            ours = self.strata("w1", text, output, "later", ["customers"])
            others = {"polars": self.other("w1", "polars", output=output),
                      "polars, text": self.other("w1", "polars", output=output, plain=True),
                      "duckdb": self.other("w1", "duckdb", output=output),
                      "duckdb, tests once": self.other("w1", "duckdb", output=output, once=True)}
            self.compare(f"w1.{output}", f"W1 {RULES} rules, {output}", ours, counts_of(ours["counts"]), others,
                         f"later runs; the first {1e3 * ours['first_run']:.0f} ms")

    def isa(self):
        """The same on each instruction set that the machine has."""
        text, counts = rules.seg(rules.make(self.args.seed, RULES)), None
        have = {"avx512": ("avx2", "avx512"), "avx2": ("avx2",), "plain": ()}[self.machine["instruction_set"]]
        for isa in have:
            said = self.strata("w1", text, "counts", "later", ["customers"], {"STRATA_ISA": isa})
            counts = counts or said["counts"]
            self.check("W1", counts, {isa: said})
            self.row(f"w1.{isa}", f"W1 {RULES} rules, counts, {isa}", "strata", said, remark="later runs")

    def bandwidth(self):
        said = self.engine(["bandwidth", THREADS, 15])
        self.machine["read_bandwidth"] = said["bytes"] / min(said["seconds"])
        return said

    def few(self):
        read = self.bandwidth()
        fast = self.machine["read_bandwidth"]
        self.row("memory", f"reading {read['bytes'] / 1e9:.1f} GB", "", read, remark=f"{fast / 1e9:.1f} GB/s")
        medians = {}
        for n in (1, 10, 50, 200, 1000):
            made = rules.make(self.args.seed, n)
            said = self.strata(f"few{n}", rules.seg(made), "counts", "later", ["customers"])
            stored = rules.bytes_a_row({leaf[0] for r in made for leaf in rules.leaves(r)}) * self.args.customers
            medians[n] = statistics.median(said["seconds"])
            given, taken = stored / medians[n], said["bytes_read"] / medians[n]
            inside = said["bytes_read"] < self.machine["caches"].get("L3", 0)
            self.row(f"rules.{n}", f"{n} rule{'s' if n > 1 else ''}, counts", "strata", said, share_stored=given / fast, share_read=taken / fast,
                     remark=f"columns as given {given / 1e9:.1f} GB/s, {100 * given / fast:.0f} % of memory; really read "
                     f"{taken / 1e9:.1f} GB/s, {100 * taken / fast:.0f} %" + (", which the caches hold" if inside else ""))
        self.row("rules.further", "a further rule, 200 to 1000", "strata", {"seconds": [(medians[1000] - medians[200]) / 800]},
                 remark="difference of the medians")

    def compiling(self):
        path = self.rule_file("w1000", rules.seg(rules.make(self.args.seed, 1000)))
        self.row("compile", "compiling 1000 rules", "strata", self.engine(["compile", path, 3 * self.args.repeat]))

    def w2(self):
        tables = ["customers", "orders"]
        text = traits.SCHEMA + traits.seg_traits()
        with_rules = text + traits.seg_rules(traits.rules(self.args.seed, TRAIT_RULES))
        more = self.strata("w2rules", with_rules, "counts", "later", tables)
        without = self.strata("w2", text, "counts", "later", tables)
        counts = {k: v for k, v in counts_of(more["counts"]).items() if k.startswith("t")}
        others = {e: self.other("w2", e, rules=TRAIT_RULES) for e in ("duckdb", "polars")}
        self.check("W2", counts, others)
        load, first, later = (self.strata("w2", text, "columns", when, tables) for when in ("load", "first", "later"))
        base = self.row("w2.load", "W2 20 traits, ids to be mapped", "strata", load, remark="binding Arrow batches and the first run")
        self.row("w2.first", "W2 20 traits, ids mapped", "strata", first, remark="first run over data bound before")
        self.row("w2.later", "W2 20 traits, ids mapped", "strata", later, remark="later runs: views are kept")
        rules_alone = added(without["seconds"], more["seconds"])
        self.row("w2.rules", f"W2 {TRAIT_RULES} rules on the traits", "strata", {"seconds": [rules_alone]},
                 remark=f"what they add to later runs for counts; at least {100 * NOISE:.0f} % of these, as less cannot be told")
        self.snapshot(text, tables)
        for engine, said in others.items():
            if "skipped" in said:
                continue
            self.row("w2", "W2 20 traits", engine, said, base, "beside ids to be mapped")
            for part, title in (("rules", "with the join"), ("rules on the joined table", "joined before")):
                name = "w2.rules" if part == "rules" else "w2.rules.joined"
                self.row(name, f"W2 {TRAIT_RULES} rules on the traits", engine, {"seconds": said["parts"][part]}, rules_alone, title)

    def snapshot(self, text, tables):
        """From the shell: a run over a snapshot that was made before."""
        if subprocess.run([self.args.strata, "help", "snapshot"], capture_output=True, check=False).returncode != 0:
            note("W2 from a snapshot: this strata has no verb snapshot.")
            return
        path, snap = self.rule_file("w2", text), os.path.join(self.scratch, "w2.snapshot")
        sources = [a for t in tables for a in ("--data", f"{t}={self.path(t)}.parquet")]
        made = self.spent([self.args.strata, "snapshot", path, *sources, "-o", snap], 1)
        self.row("w2.snapshot.made", "making a snapshot", "strata", made)
        said = self.spent([self.args.strata, "run", path, "--data", snap, "--as-of", traits.AS_OF, "--threads", str(THREADS)],
                          self.args.repeat)
        self.row("w2.snapshot", "W2 20 traits from a snapshot", "strata", said, remark="a process from the shell, its counts printed")

    def w3(self):
        text, tables = traits.SCHEMA + traits.RFM, ["customers", "orders"]
        first, later = (self.strata("w3", text, "counts", when, tables) for when in ("first", "later"))
        others = {"duckdb": self.other("w3", "duckdb")}
        self.check("W3", counts_of(first["counts"], "loyalty"), {"a later run": {"counts": counts_of(later["counts"], "loyalty")}, **others})
        base = self.row("w3.first", "W3 rfm with tiers", "strata", first, remark="first run over data bound before")
        self.row("w3.later", "W3 rfm with tiers", "strata", later, remark="later runs: views are kept")
        if "skipped" not in others["duckdb"]:
            self.row("w3", "W3 rfm with tiers", "duckdb", others["duckdb"], base, "beside the first run")

    def w4(self):
        for name in ("md5", "sha256"):
            text = ("hash sha256\n" if name == "sha256" else "") + rules.seg_schema() + \
                'segment everybody where age >= 0\nexperiment x on everybody salt "spring-26" { arms { a 10% b 45% c 45% } }\n'
            ours = self.strata("w4" + name, text, "counts", "later", ["customers"])
            self.compare(f"w4.{name}", f"W4 assignments by {name}", ours, counts_of(ours["counts"], "x"),
                         {"duckdb": self.other("w4", "duckdb", hash=name)}, "later runs")

    # ---- from file to file ----
    def spent(self, command, repeat, env=None):
        """A command from the shell: its seconds and the most memory that it had."""
        said = [run_json([os.path.join(self.args.programs, "bench_spent"), *command], env) for _ in range(repeat)]
        failed = next((f for _, f in said if f), None)
        if failed:
            sys.exit(f"{os.path.basename(command[0])}: {failed}")
        return {"seconds": [s["seconds"] for s, _ in said], "peak_bytes": max(s["peak_bytes"] for s, _ in said)}

    def script(self, engine, source, path, once=False):
        import rivals
        if engine not in self.args.engines:
            return {"skipped": True}
        out = os.path.join(self.scratch, "other.parquet")
        text = rivals.SCRIPTS[engine](source, path, out, {"seed": self.args.seed, "rules": RULES, "threads": THREADS, "once": once})
        said = self.spent([sys.executable, "-c", text], self.args.repeat, {"PYTHONPATH": HERE, "POLARS_MAX_THREADS": str(THREADS)})
        return {**said, "counts": count_file(out)}

    def w5(self):
        customers = FILE_CUSTOMERS if not self.args.quick else self.args.customers
        folder = self.make_data(customers)
        data.make_csv(folder)
        rule_path, out = self.rule_file("w5", rules.seg(rules.make(self.args.seed, RULES))), os.path.join(self.scratch, "out.parquet")
        for source in ("parquet", "csv"):
            path = os.path.join(folder, "customers." + source)
            ours = self.spent([self.args.strata, "run", rule_path, "--data", f"customers={path}", "--as-of", traits.AS_OF, "--threads",
                               str(THREADS), "-o", out], self.args.repeat)
            others = {"polars": self.script("polars", source, path), "duckdb": self.script("duckdb", source, path),
                      "duckdb, tests once": self.script("duckdb", source, path, True)}
            self.compare(f"w5.{source}", f"W5 {source} to parquet, {customers / 1e6:g} M", ours, count_file(out), others)

    def scaling(self):
        import scaling
        points = scaling.run(self)
        if self.args.plots:
            scaling.write_plots(points, self.args.plots)
        return {"machine": self.machine, "seed": self.args.seed, "points": points}

    def work(self):
        import duckdb
        import polars
        for name in self.args.only:
            WORK[name](self)
        judged = goals.judge(self.rows)
        if self.args.quick:
            print(f"{self.compared} passed, 0 failed, {self.skipped} skipped")
        else:
            goals.print_goals(judged)
        return {"machine": self.machine, "customers": self.args.customers, "orders": self.args.customers * data.ORDERS_A_CUSTOMER,
                "seed": self.args.seed, "threads": THREADS, "versions": {"DuckDB": duckdb.__version__, "Polars": polars.__version__},
                "goals": judged, "rows": self.rows}


def count_file(path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    table = pq.read_table(path)
    return {name: pc.sum(table[name]).as_py() or 0 for name in table.column_names if name != "customer_id"}


WORK = {"W1": Bench.w1, "isa": Bench.isa, "rules": Bench.few, "compile": Bench.compiling, "W2": Bench.w2, "W3": Bench.w3, "W4": Bench.w4,
        "W5": Bench.w5}
ENGINES = ("strata", "duckdb", "polars")


def write_json(path, said):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        json.dump(said, out, indent=1)
    note(f"All times are in {path}")


def options():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Strata beside DuckDB and Polars on the same data.")
    for name in ("programs", "strata", "folder"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--customers", type=int, default=10_000_000, help="with ten times as many orders; 10,000,000 if not said")
    parser.add_argument("--quick", action="store_true", help="at most 1,000,000 customers, everything once: for the answers alone")
    parser.add_argument("--seed", type=lambda s: random.randrange(2, 10**6) if s == "random" else int(s), default=1,
                        help="of data and rules: a number, or random; 1 if not said")
    parser.add_argument("--repeat", type=int, default=5, help="how often what takes long is timed; 5 if not said")
    parser.add_argument("--only", nargs="+", choices=WORK, default=list(WORK), help="this work alone")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES, help="these beside Strata")
    parser.add_argument("--scaling", action="store_true", help="Strata alone against rows, rules, columns and threads")
    parser.add_argument("--plots", metavar="DIR", help="with --scaling: where the plots go")
    parser.add_argument("--json", metavar="FILE", help="where all times go; build/bench/times.json if not said")
    args = parser.parse_args()
    if args.quick:
        args.customers, args.repeat = min(args.customers, 1_000_000), 1
    return args


def main():
    args = options()
    note(f"Seed {args.seed}")
    with tempfile.TemporaryDirectory(dir=args.folder) as scratch:
        bench = Bench(args, scratch)
        said = bench.scaling() if args.scaling else bench.work()
    write_json(args.json or os.path.join(args.folder, "scaling.json" if args.scaling else "times.json"), said)
    return 0


if __name__ == "__main__":
    sys.exit(main())

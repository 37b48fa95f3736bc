"""How Strata's time grows with rows, rules, columns and threads: part of ./dev bench --scaling."""
import os
import statistics

import goals
import plot
import rules
import traits

MIDDLE = 1_000_000  # customers, where something else varies
FEW_RULES = 100  # where columns vary
TITLES = {"rows": ("200 rules, counts", "customers"), "rules": ("rules over 1 M customers, counts", "rules"),
          "columns": ("100 rules over 1 M customers, counts", "columns that they read"),
          "orders": ("20 traits, ids mapped, first run", "orders")}


def sizes(most):
    return [n for n in (10_000, 100_000, 1_000_000, 10_000_000) if n <= most]


def measure(bench, axis, x, text, when, tables):
    """One point on one and on two threads; the counts have to be the same."""
    said = {threads: bench.strata("scale", text, "counts", when, tables, threads=threads) for threads in (1, 2)}
    bench.check(f"{axis} {x}", said[1]["counts"], {"2 threads": said[2]})
    for threads, one in said.items():
        times = one["seconds"]
        bench.points.append({"axis": axis, "x": x, "threads": threads, "seconds": statistics.median(times), "min": min(times), "times": times,
                             "peak_bytes": one["peak_bytes"]})
        print(f"{axis:<8} {x:>11,} {threads} thread{'s' if threads > 1 else ' '} {goals.duration(statistics.median(times)):>10}", flush=True)


def by_rows(bench):
    seed = bench.args.seed
    for n in sizes(bench.args.customers):
        bench.folder = bench.make_data(n)
        measure(bench, "rows", n, rules.seg(rules.make(seed, 200)), "later", ["customers"])
        measure(bench, "orders", 10 * n, traits.SCHEMA + traits.seg_traits(), "first", ["customers", "orders"])


def by_rules(bench):
    for n in (1, 10, 50, 200, 500, 1000):
        measure(bench, "rules", n, rules.seg(rules.make(bench.args.seed, n)), "later", ["customers"])


def by_columns(bench):
    for n in (1, 2, 4, 8, 16, 18):
        made = rules.make(bench.args.seed, FEW_RULES, rules.COLUMNS[:n])
        measure(bench, "columns", n, rules.seg(made), "later", ["customers"])


def run(bench):
    by_rows(bench)
    bench.folder = bench.make_data(min(MIDDLE, bench.args.customers))
    by_rules(bench)
    by_columns(bench)
    return bench.points


def write_plots(points, folder):
    """The least time of each point: what else the machine did shows in it least."""
    os.makedirs(folder, exist_ok=True)
    for axis, (title, label) in TITLES.items():
        series = {f"{t} thread{'s' if t > 1 else ''}": [(p["x"], p["min"]) for p in points if p["axis"] == axis and p["threads"] == t]
                  for t in (1, 2)}
        with open(os.path.join(folder, f"scaling-{axis}.svg"), "w", encoding="utf-8") as out:
            out.write(plot.plot(title, label, series))

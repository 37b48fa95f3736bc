"""What the benchmark is held against: each goal with what must be reached and what is aimed at, and the tables that say how far
it was. goals.py FILE.json [--into PAGE] prints a run's tables as Markdown."""
import argparse
import json

import machine

# What is promised, the row of Strata's time, the row that it is held against, how, what must be reached, what is aimed at.
#   times       how many times as fast as the other row, at least
#   slower      how many times as slow as the other row, at most
#   seconds     at most
#   stored, read  which part of the memory's bandwidth, at least: by the columns as they were given, by what the machine reads of them
GOALS = (
    ("200 rules, counts, beside Polars", "w1.counts", ("w1.counts", "polars"), "times", 65, 130),
    ("200 rules, counts, beside Polars, texts as String", "w1.counts", ("w1.counts", "polars, text"), "times", 65, 130),
    ("200 rules, counts, beside DuckDB", "w1.counts", ("w1.counts", "duckdb"), "times", 240, 480),
    ("200 rules, memberships as columns, beside Polars", "w1.columns", ("w1.columns", "polars"), "times", 55, 110),
    ("200 rules, memberships, beside Polars, texts as String", "w1.columns", ("w1.columns", "polars, text"), "times", 55, 110),
    ("1 rule, columns as given, of the memory's bandwidth", "rules.1", None, "stored", 0.60, 0.80),
    ("1 rule, bytes really read, of the memory's bandwidth", "rules.1", None, "read", 0.60, 0.80),
    ("10 rules, columns as given, of the memory's bandwidth", "rules.10", None, "stored", 0.60, 0.80),
    ("10 rules, bytes really read, of the memory's bandwidth", "rules.10", None, "read", 0.60, 0.80),
    ("a further rule, from 200 to 1000", "rules.further", None, "seconds", 0.3e-3, 0.12e-3),
    ("compiling 1000 rules", "compile", None, "seconds", 50e-3, 10e-3),
    ("20 traits, ids still to be mapped, beside DuckDB", "w2.load", ("w2", "duckdb"), "times", 8, 15),
    ("20 traits from a snapshot, beside DuckDB", "w2.snapshot", ("w2", "duckdb"), "times", 20, 40),
    ("50 rules on the traits, beside DuckDB", "w2.rules", ("w2.rules", "duckdb"), "times", 60, 200),
    ("rfm with tiers, beside DuckDB", "w3.first", ("w3", "duckdb"), "times", 8, 15),
    ("assignments by md5, beside DuckDB", "w4.md5", ("w4.md5", "duckdb"), "times", 12, 30),
    ("assignments by sha256, beside DuckDB", "w4.sha256", ("w4.sha256", "duckdb"), "times", 12, 30),
    ("Parquet to Parquet, 1 M customers, beside Polars", "w5.parquet", ("w5.parquet", "polars"), "times", 4, 10),
    ("Parquet to Parquet, 1 M customers, beside DuckDB", "w5.parquet", ("w5.parquet", "duckdb"), "times", 12, 30),
    ("CSV to Parquet, 1 M customers, beside Polars", "w5.csv", ("w5.csv", "polars"), "times", 4, 10),
    ("CSV to Parquet, 1 M customers, beside DuckDB", "w5.csv", ("w5.csv", "duckdb"), "times", 12, 30),
    ("200 rules, AVX2 alone against AVX-512", "w1.avx2", ("w1.avx512", "strata"), "slower", 2.5, 2.5),
)


def find(rows, work, engine):
    return next((r for r in rows if r["id"] == work and r["engine"] == engine), None)


def value_of(rows, work, other, how):
    """The number that a goal speaks of; None: the run did not measure it."""
    ours, theirs = find(rows, work, "strata"), find(rows, *other) if other else None
    if not ours or (other and not theirs):
        return None
    if how == "times":
        return theirs["seconds"] / ours["seconds"]
    if how == "slower":
        return ours["seconds"] / theirs["seconds"]
    return ours["seconds"] if how == "seconds" else ours[f"share_{how}"]


def spelled(how, value):
    if value is None:
        return "–"
    if how in ("times", "slower"):
        return f"{value:.1f}x" if value < 100 else f"{value:.0f}x"
    return f"{1e3 * value:.3g} ms" if how == "seconds" else f"{100 * value:.0f} %"


def reached(how, value, goal):
    return value <= goal if how in ("slower", "seconds") else value >= goal


def verdict(how, value, must, aim):
    if value is None:
        return "not measured"
    return "aim reached" if reached(how, value, aim) else "reached" if reached(how, value, must) else "missed"


def judge(rows):
    judged = []
    for title, work, other, how, must, aim in GOALS:
        value = value_of(rows, work, other, how)
        judged.append({"goal": title, "value": value, "must": must, "aim": aim, "how": how, "verdict": verdict(how, value, must, aim)})
    return judged


def print_goals(judged):
    print(f"\n{'goal':<58} {'measured':>10} {'must':>9} {'aim':>9}")
    for g in judged:
        print(f"{g['goal']:<58} " + " ".join(f"{spelled(g['how'], g[k]):>{n}}" for k, n in (("value", 10), ("must", 9), ("aim", 9)))
              + f"  {g['verdict']}")


# ---- as Markdown ----
def line(cells):
    return "| " + " | ".join(cells) + " |"


def memory(size):
    return "" if not size else f"{size / 1e9:.2f} GB"


def duration(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def markdown(said):
    out = ["Machine: " + machine.spelled(said["machine"]) + ".",
           f"{said['customers']:,} customers, {said['orders']:,} orders, {said['threads']} threads, seed {said['seed']}; "
           + ", ".join(f"{k} {v}" for k, v in said["versions"].items()) + ".", "",
           line(["Goal", "Measured", "Must", "Aim", ""]), line(["---", "---:", "---:", "---:", "---"])]
    out += [line([g["goal"], *(spelled(g["how"], g[k]) for k in ("value", "must", "aim")), g["verdict"]]) for g in said["goals"]]
    out += ["", line(["Work", "Engine", "Median", "Least", "Spread", "Runs", "Strata is faster by", "Memory", ""]),
            line(["---", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---"])]
    for r in said["rows"]:
        ratio = f"{r['ratio']:.1f}x" if r.get("ratio") else ""
        out.append(line([r["work"], r["engine"], duration(r["seconds"]), duration(r["min"]), f"{100 * r['spread']:.0f} %",
                         str(len(r["times"])), ratio, memory(r["peak_bytes"]), r["remark"]]))
    return "\n".join(out)


def put_into(path, tables):
    """Between the two comments of a page."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    begin, end = page.index("<!-- figures"), page.index("<!-- end of figures")
    begin = page.index("\n", begin) + 1
    with open(path, "w", encoding="utf-8") as out:
        out.write(page[:begin] + "\n" + tables + "\n\n" + page[end:])


def main():
    parser = argparse.ArgumentParser(description="The tables of a run of ./dev bench as Markdown.")
    parser.add_argument("file", help="its JSON")
    parser.add_argument("--into", metavar="PAGE", help="put them into this page in place of those that stand there")
    args = parser.parse_args()
    with open(args.file, encoding="utf-8") as file:
        tables = markdown(json.load(file))
    if args.into:
        put_into(args.into, tables)
    else:
        print(tables)


if __name__ == "__main__":
    main()

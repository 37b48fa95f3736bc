#!/usr/bin/env python3
"""Runs the rule sets beside this file over real data and compares every count with those that independent SQL gave.

run.py STRATA. The data and the expected counts are no part of the repository: where ../shared is absent, everything is skipped.
Each set runs from CSV at 1 and at 2 threads, from a snapshot of it, and from the same data as Parquet (where pyarrow is there to convert it).
"""
import csv
import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.path.join(os.path.dirname(ROOT), "shared")

AS_OF = {"cdnow": "1998-07-01", "rfm": "2006-12-31", "telco": "2020-01-01", "hillstrom": "2008-03-20",
         "online_retail": "2010-12-10"}

counts = {"passed": 0, "failed": 0, "skipped": 0}


def read_counts(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {(row["definition"], row["label"]): int(row["customers"]) for row in csv.DictReader(file)}


def to_parquet(source, target):
    """Converts each CSV as pyarrow guesses its types: amounts become floats. False where there is no pyarrow."""
    python = os.path.join(ROOT, ".venv", "bin", "python")
    script = ("import sys, pyarrow.csv as c, pyarrow.parquet as p\n"
              "t = c.read_csv(sys.argv[1], convert_options=c.ConvertOptions(null_values=['', ' ']))\n"
              "p.write_table(t, sys.argv[2], row_group_size=5000)\n")
    for path in sorted(glob.glob(os.path.join(source, "*.csv"))):
        name = os.path.splitext(os.path.basename(path))[0]
        done = subprocess.run([python if os.path.exists(python) else sys.executable, "-c", script, path,
                               os.path.join(target, name + ".parquet")], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return False
    return True


def compare(strata, name, data, title, options, expected):
    with tempfile.TemporaryDirectory() as work:
        out = os.path.join(work, "counts.csv")
        done = subprocess.run([strata, "run", os.path.join(HERE, name + ".seg"), "--data", data, "--as-of", AS_OF[name],
                               "--counts", out, *options], capture_output=True, text=True, check=False)
        if "built without Apache Arrow" in done.stderr:
            print(done.stderr.strip())
            sys.exit(77)
        if done.returncode != 0:
            print(f"{name} {title}: exit status {done.returncode}\n{done.stderr}")
            counts["failed"] += len(expected)
            return
        got = read_counts(out)
    # Of some rfm only the tiers are expected, not its scores.
    known = {definition for definition, _ in expected}
    got = {key: n for key, n in got.items() if key[0] in known or "." not in key[0]}
    for key in sorted(expected.keys() | got.keys()):
        if expected.get(key) == got.get(key):
            counts["passed"] += 1
        else:
            counts["failed"] += 1
            print(f"{name} {title}: {key[0]} {key[1]}: expected {expected.get(key)}, got {got.get(key)}")


def main():
    strata = sys.argv[1]
    if not os.path.isdir(os.path.join(SHARED, "acceptance")):
        print("the data are not beside the repository: skipped")
        sys.exit(77)
    for name in AS_OF:
        expected = read_counts(os.path.join(SHARED, "acceptance", name, "expected.csv"))
        data = os.path.join(SHARED, "data", name)
        compare(strata, name, data, "from CSV", ["--threads", "1"], expected)
        compare(strata, name, data, "from CSV, 2 threads", ["--threads", "2"], expected)
        with tempfile.TemporaryDirectory() as work:
            snapshot = os.path.join(work, "snapshot")
            done = subprocess.run([strata, "snapshot", os.path.join(HERE, name + ".seg"), "--data", data, "-o", snapshot],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(f"{name}: no snapshot: {done.stderr}")
            compare(strata, name, snapshot, "from a snapshot", [], expected)
        with tempfile.TemporaryDirectory() as converted:
            if to_parquet(data, converted):
                compare(strata, name, converted, "from Parquet", [], expected)
            else:
                print(f"{name}: no pyarrow to convert the data to Parquet: skipped")
                counts["skipped"] += len(expected)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)


main()

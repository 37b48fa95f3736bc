#!/usr/bin/env python3
"""Times the example at one size and prints a line: customers, seconds to generate, load and run, in all, and microseconds
a customer. bench.py STRATA CUSTOMERS FOLDER"""
import os
import re
import shutil
import subprocess
import sys
import time


def timed(command):
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return time.monotonic() - begin, done.stderr


def main():
    strata, customers, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    data = os.path.join(folder, str(customers))
    os.makedirs(folder, exist_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    generate, _ = timed([strata, "generate", "retail", "--customers", str(customers), "--seed", "1", "-o", data])
    total, said = timed([strata, "run", "examples/retail", "--data", data, "--as-of", "2026-11-01", "--timings"])
    seconds = dict(re.findall(r"^(\w+) +([0-9.]+) s$", said, re.M))
    load, run = float(seconds["load"]), float(seconds["run"])
    print(f"{customers:>10} {generate:>10.2f} {load:>10.3f} {run:>10.3f} {total:>10.3f} {total / customers * 1e6:>14.2f}")


main()

#!/usr/bin/env python3
"""Every rule set of ../shared/acceptance/marketer: compiles without an error, gets data made from its own declarations, runs, and
gives the same answer with one thread and with two, from text and compiled, and by oracle and machine; its treatments reach somebody.

marketer.py STRATA DIFFERENTIAL [NAME …]. Where the rule sets are not beside the repository, everything is skipped.
"""
import csv
import glob
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARKETER = os.path.join(os.path.dirname(ROOT), "shared", "acceptance", "marketer")
AS_OF = "2026-11-01T09:30"


class Failed(Exception):
    pass


def run(*args, ends=(0,)):
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    if "built without Apache Arrow" in done.stderr:
        print(done.stderr.strip())
        sys.exit(77)
    if done.returncode not in ends:
        raise Failed(f"{' '.join(os.path.basename(a) for a in args[:3])} ended with {done.returncode}\n"
                     + (done.stderr or done.stdout)[-2000:])
    return done.stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


def answers(strata, rules, data, folder):
    """The counts, the same in every way that a rule set can be run."""
    compiled, first = os.path.join(folder, "rules.segb"), None
    run(strata, "compile", rules, "-o", compiled)
    counts, treated = os.path.join(folder, "counts.csv"), os.path.join(folder, "treatments.csv")
    also = ["--treatments", treated] if b"\ntreatment " in read(rules) else []
    for path, threads in ((rules, "1"), (rules, "2"), (compiled, "2")):
        run(strata, "run", path, "--data", data, "--as-of", AS_OF, "--threads", threads, "--counts", counts,
            "--allow-failed-checks", *also, ends=(0, 2))  # 2: a promise that made-up data need not keep
        answer = read(counts), read(treated) if also else None
        if first is not None and answer != first:
            raise Failed(f"the answers differ: {os.path.basename(path)}, {threads} threads")
        first = answer
    if also and b",treated," not in first[1]:
        print(f"{os.path.basename(rules)}: nobody is treated")
    return list(csv.DictReader(first[0].decode().splitlines()))


def oracle_agrees(strata, differential, rules, folder):
    """The same rules over fewer rows, judged by the oracle, as a sample of the differential test."""
    data = os.path.join(folder, "few")
    run(strata, "generate", "--from", rules, "--rows", "60", "--seed", "2", "--as-of", AS_OF, "--format", "csv", "-o", data)
    with open(rules, encoding="utf-8") as file:
        text = "".join(line for line in file if line.strip())
    for path in sorted(glob.glob(os.path.join(data, "*.csv"))):
        table = os.path.splitext(os.path.basename(path))[0]
        text += f"\ntable {table}\n" + read(path).decode()
    sample = os.path.join(folder, "sample.txt")
    with open(sample, "w", encoding="utf-8") as file:
        file.write(f"as of {AS_OF}\n\n{text}")
    said = run(differential, "--file", sample, ends=(0, 1))
    if said.splitlines()[-1] != "they agree":
        raise Failed("oracle and machine: " + said[-1500:])


def judge(strata, differential, rules):
    """How many segments and labels there are, and how many of them have somebody."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = os.path.join(folder, "one"), os.path.join(folder, "two")
        for data in (one, two):
            run(strata, "generate", "--from", rules, "--rows", "2000", "--as-of", AS_OF, "-o", data)
        for path in glob.glob(os.path.join(one, "*")):
            if read(path) != read(os.path.join(two, os.path.basename(path))):
                raise Failed(f"the same numbers made another {os.path.basename(path)}")
        counts = [c for c in answers(strata, rules, one, folder) if ".cell" not in c["definition"]]
        oracle_agrees(strata, differential, rules, folder)
    return len(counts), sum(c["customers"] != "0" for c in counts)


def main():
    strata, differential, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    programs = sorted(glob.glob(os.path.join(MARKETER, "*.seg")))
    if not programs:
        print("the rule sets are not beside the repository: skipped")
        sys.exit(77)
    passed = failed = labels = filled = 0
    for rules in programs:
        name = os.path.splitext(os.path.basename(rules))[0]
        if names and name not in names:
            continue
        try:
            n, some = judge(strata, differential, rules)
        except Failed as why:
            failed += 1
            print(f"{name}: {why}")
            continue
        passed += 1
        labels, filled = labels + n, filled + some
        if some < n:
            print(f"{name}: {n - some} of {n} segments and labels have nobody")
    print(f"{filled} of {labels} segments and labels have somebody")
    if filled * 2 < labels:
        failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()

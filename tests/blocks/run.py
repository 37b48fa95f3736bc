#!/usr/bin/env python3
"""Test blocks, run by the command: run.py STRATA [--update]

Each cases/NAME.seg is a rule set with tests; what `strata test NAME.seg --coverage` prints stands in NAME.txt. Whether a test has
to pass is said by its own name, worked out by hand from docs/language.md: a name that ends in "(fails)" has to fail, every other one
to pass. Each wrong/NAME.seg has tests with mistakes; what `strata check NAME.seg` says of them stands in NAME.txt. --update writes the
texts anew."""
import difflib
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
failures = []


def run(strata, source, verb, *options):
    done = subprocess.run([strata, verb, source.name, *options], cwd=source.parent, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode


def compare(source, printed, update):
    golden = source.with_suffix(".txt")
    if update:
        golden.write_text(printed)
    old = golden.read_text().splitlines() if golden.exists() else []
    lines = difflib.unified_diff(old, printed.splitlines(), golden.name, "now", lineterm="")
    if golden.read_text() != printed:
        failures.append("\n".join(lines))


def outcomes(source, printed, status):
    """Every test by its name, whether it did what the name says."""
    results = {m.group(2): m.group(1) == "pass" for m in re.finditer(r"^(pass|FAIL)  (.*)$", printed, re.M)}
    names = re.findall(r'^test "(.*)" as of', source.read_text(), re.M)
    for name in names:
        if results.get(name) is None or results[name] == name.endswith("(fails)"):
            failures.append(f"{source.name}: {name}\n{printed}")
    if status != (0 if all(results.values()) else 2):
        failures.append(f"{source.name}: exit status {status}\n{printed}")
    return len(names)


def main():
    strata, update = str(pathlib.Path(sys.argv[1]).resolve()), "--update" in sys.argv[2:]
    done = 0
    for source in sorted((HERE / "cases").glob("*.seg")):
        printed, status = run(strata, source, "test", "--coverage")
        done += outcomes(source, printed, status)
        compare(source, printed, update)
    for source in sorted((HERE / "wrong").glob("*.seg")):
        printed, status = run(strata, source, "check")
        done += 1
        if status != 2:
            failures.append(f"{source.name}: exit status {status}")
        compare(source, printed, update)
    print("\n".join(failures))
    print(f"{done - len(failures)} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures or not done else 0


sys.exit(main())

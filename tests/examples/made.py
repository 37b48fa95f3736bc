#!/usr/bin/env python3
"""Data can be made for every rule set of the repository that compiles, and the rules take them.

made.py STRATA
"""
import glob
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def strata(*args):
    done = subprocess.run([sys.argv[1], *args], capture_output=True, text=True, errors="replace", check=False)
    if "built without Apache Arrow" in done.stderr:
        print(done.stderr.strip())
        sys.exit(77)
    return done


def fault(rules):
    """What is wrong, "" for nothing; None: not a rule set to make data for."""
    with tempfile.TemporaryDirectory() as folder:
        made = strata("generate", "--from", rules, "--rows", "150", "--as-of", "2026-11-01", "-o", os.path.join(folder, "data"))
        if made.returncode == 2 or "declares no table" in made.stderr:
            return None
        if made.returncode != 0:
            return made.stderr
        done = strata("run", rules, "--data", os.path.join(folder, "data"), "--as-of", "2026-11-01", "--allow-failed-checks")
        # 2: a promise that made-up data need not keep.
        return "" if done.returncode in (0, 2) else done.stderr


def main():
    passed = failed = 0
    kinds = ("tests/golden/*/*.seg", "tests/acceptance/*.seg", "tests/fuzz/corpus/rules/*.seg", "examples/*")
    for rules in sorted(path for kind in kinds for path in glob.glob(os.path.join(ROOT, kind))):
        wrong = fault(rules)
        if wrong is None:
            continue
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong:
            print(f"{os.path.relpath(rules, ROOT)}: {wrong[-600:]}")
    if passed < 20:
        failed += 1
        print("hardly any rule set was found")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()

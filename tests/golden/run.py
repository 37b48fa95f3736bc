#!/usr/bin/env python3
"""Compares what `strata compile --emit` prints with what is kept beside each rule set of cases/.

run.py STRATA             compares every cases/<name>.<floor>
run.py STRATA --update    writes what is printed now, for every floor; look at the difference before keeping it
"""
import difflib
import glob
import os
import subprocess
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
FLOORS = ["tokens", "ast", "program", "ir", "plan", "bytecode"]


def emit(strata, rules, floor):
    done = subprocess.run([os.path.abspath(strata), "compile", os.path.basename(rules), "--emit", floor], cwd=HERE,
                          capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"exit status {done.returncode}\n{done.stderr}"


def main():
    strata, update = sys.argv[1], "--update" in sys.argv[2:]
    passed = failed = 0
    for rules in sorted(glob.glob(os.path.join(HERE, "*.seg"))):
        for floor in FLOORS:
            kept = rules[:-len("seg")] + floor
            printed = emit(strata, rules, floor)
            if update:
                with open(kept, "w", encoding="utf-8") as file:
                    file.write(printed)
            with open(kept, encoding="utf-8") as file:
                expected = file.read()
            if printed == expected:
                passed += 1
                continue
            failed += 1
            print(f"{os.path.basename(kept)} differs:")
            print("".join(difflib.unified_diff(expected.splitlines(True), printed.splitlines(True), "kept", "printed")))
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed or not passed else 0)


main()

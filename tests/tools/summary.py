#!/usr/bin/env python3
"""Counts what `meson test` ran, from its testlog.json, and prints the failures and one last line of totals.

A test counts as one, unless its output says how many cases it held: a line `N passed, N failed, N skipped` (the last one
counts), or what cmocka prints.
"""
import json
import re
import sys

OWN = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
CMOCKA = {"passed": re.compile(r"\[  PASSED  \] (\d+) test\(s\)"), "failed": re.compile(r"\[  FAILED  \] (\d+) test\(s\)"),
          "skipped": re.compile(r"\[  SKIPPED \] (\d+) test\(s\)")}
SKIP = {"SKIP", "EXPECTEDSKIP"}
GOOD = {"OK", "EXPECTEDFAIL"}


def cases(test):
    out = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    own = OWN.findall(out)
    if own:
        counts = [int(n) for n in own[-1]]
    else:
        counts = [sum(int(n) for n in CMOCKA[kind].findall(out)) for kind in ("passed", "failed", "skipped")]
    result = test["result"]
    if sum(counts) == 0:
        counts = [int(result in GOOD), int(result not in GOOD | SKIP), int(result in SKIP)]
    elif result not in GOOD | SKIP and counts[1] == 0:
        counts[1] = 1  # it counted well and then crashed, or leaked
    return counts


def main():
    totals = [0, 0, 0]
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            counts = cases(test)
            totals = [a + b for a, b in zip(totals, counts)]
            if counts[1]:
                tail = ((test.get("stdout") or "") + (test.get("stderr") or "")).splitlines()[-40:]
                print(f"FAILED {test['name']} ({test['result']})")
                print("\n".join("  " + text for text in tail))
            elif test["result"] in SKIP:
                why = (test.get("stdout") or "").strip().splitlines()
                print(f"skipped {test['name']}" + (f": {why[-1]}" if why else ""))
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return int(totals[1] > 0)


sys.exit(main())

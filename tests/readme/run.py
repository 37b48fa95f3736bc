#!/usr/bin/env python3
"""The example in README.md, run as it stands there: what it says is printed is printed. run.py STRATA [--update]"""
import difflib
import os
import re
import subprocess
import sys
import tempfile

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")


def main():
    strata, update = os.path.abspath(sys.argv[1]), "--update" in sys.argv[2:]
    with open(README, encoding="utf-8") as file:
        readme = file.read()
    rules = re.search(r"```seg\n(.*?)```", readme, re.S).group(1)
    wrong = rules.replace("any(purchases in last 60", "any(purchase in last 60")
    assert wrong != rules
    blocks = list(re.finditer(r"```text\n(.*?)```", readme, re.S))
    commands = [re.search(r"^    strata (generate .*)$|`strata (generate [^`]*)`", readme, re.M),
                re.search(r"^    strata (run .*)$", readme, re.M)]
    generate, run = ((c.group(1) or c.group(2)).split() for c in commands)
    with tempfile.TemporaryDirectory() as work:
        def say(*args, status=0):
            done = subprocess.run([strata, *args], cwd=work, capture_output=True, text=True, check=False)
            if "built without Apache Arrow" in done.stderr:
                print(done.stderr.strip())
                sys.exit(77)
            assert done.returncode == status, done.stdout + done.stderr
            return done.stdout

        def write(text):
            with open(os.path.join(work, "vip.seg"), "w", encoding="utf-8") as file:
                file.write(text)

        write(rules)
        say(*generate)
        printed = [say(*run)]
        write(wrong)
        printed.append(say("check", "vip.seg", status=2))
    if update:
        for block, text in reversed(list(zip(blocks, printed))):
            readme = readme[:block.start(1)] + text + readme[block.end(1):]
        with open(README, "w", encoding="utf-8") as file:
            file.write(readme)
        return
    failed = 0
    for block, text in zip(blocks, printed):
        if block.group(1) != text:
            failed += 1
            print("".join(difflib.unified_diff(block.group(1).splitlines(True), text.splitlines(True), "README", "printed")))
    print(f"{len(blocks) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()

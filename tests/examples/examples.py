#!/usr/bin/env python3
"""Every folder of examples/: its rules compile without a warning (but for that which always comes with strata), and its README is run as it stands there: data are made, the rules are
run with treatments and promises, and its tests are run.

examples.py STRATA [--update]. In a README every line of four blanks and `strata …` is a command; they are run in order, in a folder
where `examples` is. A block ```text right behind one has what it prints: all of it or, where names follow the word text, the lines
of those definitions. --update writes what is printed into the blocks.
"""
import difflib
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRATA = os.path.abspath(sys.argv[1])
COMMANDS = re.compile(r"^    (strata [^\n]*)$|^```text([^\n]*)\n(.*?)^```$", re.M | re.S)

counts = {"passed": 0, "failed": 0}


def run(args, cwd):
    done = subprocess.run([STRATA, *args], cwd=cwd, capture_output=True, text=True, check=False)
    if "built without Apache Arrow" in done.stderr:
        print(done.stderr.strip())
        sys.exit(77)
    return done


def judge(good, what):
    counts["passed" if good else "failed"] += 1
    if not good:
        print(what)


def lines_of(text, names):
    """The lines that begin with one of the names, and the indented ones below them."""
    if not names:
        return text
    kept, keep = [], False
    for line in text.splitlines(True):
        if not line.startswith(" "):
            keep = line.split(" ")[0].strip() in names
        if keep:
            kept.append(line)
    return "".join(kept)


def follow(readme, cwd, update):
    """Runs the commands of a README; what the blocks should hold, as (match, text)."""
    printed, blocks = "", []
    for match in COMMANDS.finditer(readme):
        if match.group(1):
            done = run(shlex.split(match.group(1))[1:], cwd)
            judge(done.returncode == 0, f"{match.group(1)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
            printed = done.stdout
            continue
        text = lines_of(printed, match.group(2).split())
        blocks.append((match, text))
        if not update:
            diff = difflib.unified_diff(match.group(3).splitlines(True), text.splitlines(True), "README", "printed")
            judge(text and match.group(3) == text, "".join(diff))
    return blocks


def same_however_run(name, cwd):
    """From text with one thread, and compiled with two; from files and from a snapshot."""
    data = "shop" if name == "retail" else "data"
    judge(run(["compile", f"examples/{name}", "-o", "rules.segb"], cwd).returncode == 0, f"{name}: does not compile")
    done = run(["snapshot", f"examples/{name}", "--data", data, "-o", "snapshot"], cwd)
    judge(done.returncode == 0, f"{name}: no snapshot\n{done.stderr}")
    answers = []
    for rules, data, threads in ((f"examples/{name}", data, "1"), ("rules.segb", data, "2"), (f"examples/{name}", "snapshot", "2")):
        done = run(["run", rules, "--data", data, "--as-of", "2026-11-01T09:30", "--threads", threads, "--counts", "counts.csv"], cwd)
        with open(os.path.join(cwd, "counts.csv"), encoding="utf-8") as file:
            answers.append((done.returncode, done.stdout, file.read()))
    judge(answers[0] == answers[1], f"{name}: compiled, or with more threads, the answer is another one")
    judge(answers[0] == answers[2], f"{name}: from a snapshot the answer is another one")


DEALT_ANEW = "W0803"


def example(folder, update):
    name = os.path.basename(folder)
    done = run(["check", folder], ROOT)
    warned = set(re.findall(r"warning ([A-Z0-9]+):", done.stdout + done.stderr))
    judge(done.returncode == 0 and warned <= {DEALT_ANEW}, f"{name}: {done.stdout}{done.stderr}")
    path = os.path.join(folder, "README.md")
    with open(path, encoding="utf-8") as file:
        readme = file.read()
    for command in (f"generate {name} ", f"run examples/{name} ", f"test examples/{name}$"):
        judge(re.search("^    strata " + command, readme, re.M), f"{name}: the README does not say strata {command}")
    with tempfile.TemporaryDirectory() as work:
        os.symlink(os.path.join(ROOT, "examples"), os.path.join(work, "examples"))
        blocks = follow(readme, work, update)
        same_however_run(name, work)
    judge(blocks, f"{name}: the README shows nothing")
    for match, text in reversed(blocks if update else []):
        readme = readme[:match.start(3)] + text + readme[match.end(3):]
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(readme)


def main():
    for folder in sorted(glob.glob(os.path.join(ROOT, "examples", "*"))):
        example(folder, "--update" in sys.argv[2:])
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    sys.exit(1 if counts["failed"] else 0)


main()

"""acceptance.py ROOT EMIT_SYNTAX: every program of the acceptance folders parses, and the mistakes of beginners that are
mistakes of syntax are reported where their case says. Skipped (77) where the folders are not there."""
import json
import pathlib
import subprocess
import sys
import tempfile


def messages(emit, text):
    with tempfile.NamedTemporaryFile(suffix=".seg") as file:
        file.write(text)
        file.flush()
        run = subprocess.run([emit, "syntax-json", file.name], capture_output=True)
    if run.returncode not in (0, 1):
        sys.exit(f"emit ended with {run.returncode}: {run.stderr.decode()}")
    return json.loads(run.stdout)


def main():
    root, emit = pathlib.Path(sys.argv[1]), sys.argv[2]
    folder = root / "../shared/acceptance"
    if not folder.is_dir():
        return 77
    failed = passed = 0

    def check(ok, what):
        nonlocal failed, passed
        passed, failed = passed + bool(ok), failed + (not ok)
        if not ok:
            print(what)

    for path in sorted(folder.glob("*/*.seg")):
        found = messages(emit, path.read_bytes())
        check(not found, f"{path.parent.name}/{path.name}: {found[:1]}")
    for path in sorted((folder / "mistakes").glob("*.json")):
        case = json.loads(path.read_text())
        check(not messages(emit, case["corrected"].encode()), f"{path.name}: the corrected text is not silent")
        found = messages(emit, case["file"].encode())
        if case["found_by"] != "grammar":
            continue
        place = (case["line"], case["column_from"], case["column_to"])
        places = [(m["line"], m["column"], m["end_column"] - 1) for m in found]
        check(places == [place], f"{path.name}: expected one message at {place}, found {places}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


sys.exit(main())

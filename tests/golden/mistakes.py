"""mistakes.py ROOT EMIT_PROGRAM: what beginners write wrongly is reported where its case says, once, as an error or a
warning, and the mended text is silent about it. Skipped (77) where the cases are not there."""
import json
import pathlib
import subprocess
import sys
import tempfile

# Most rules that nobody can fulfil need proofs, which this version does not have.
LATER = {17, 55}


def messages(emit, text):
    with tempfile.NamedTemporaryFile(suffix=".seg") as file:
        file.write(text.encode())
        file.flush()
        run = subprocess.run([emit, "json", file.name], capture_output=True)
    if run.returncode not in (0, 1):
        sys.exit(f"emit ended with {run.returncode}: {run.stderr.decode()}")
    return json.loads(run.stdout)


def main():
    folder, emit = pathlib.Path(sys.argv[1]) / "../shared/acceptance/mistakes", sys.argv[2]
    if not folder.is_dir():
        return 77
    passed = failed = 0
    for path in sorted(folder.glob("*.json")):
        case = json.loads(path.read_text())
        if case["id"] in LATER:
            continue
        found = messages(emit, case["file"])
        place = (case["line"], case["column_from"], case["column_to"], case["severity"])
        places = [(m["line"], m["column"], m["end_column"] - 1, m["severity"]) for m in found]
        left = [m["code"] for m in messages(emit, case["corrected"])]
        ok = places == [place] and not left
        passed, failed = passed + ok, failed + (not ok)
        if not ok:
            print(f"{path.name}: expected one message at {place}, found {places}; mended: {left}")
    print(f"{passed} passed, {failed} failed, {len(LATER)} skipped")
    return 1 if failed or not passed else 0


sys.exit(main())

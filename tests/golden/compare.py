"""Golden tests: compare.py [--update] FOLDER COMMAND… runs COMMAND on every FOLDER/NAME.seg and compares what it prints with
FOLDER/NAME.txt. With --update it writes those files instead; read the difference before you commit it."""
import difflib
import pathlib
import subprocess
import sys


def main():
    args = sys.argv[1:]
    update = args[:1] == ["--update"]
    folder, command = pathlib.Path(args[update]), args[update + 1:]
    failed = passed = 0
    for source in sorted(folder.glob("*.seg")):
        golden = source.with_suffix(".txt")
        run = subprocess.run(command + [str(source)], capture_output=True)
        if run.returncode not in (0, 1) or run.stderr:
            print(f"{source.name}: ended with {run.returncode}\n{run.stderr.decode(errors='replace')}")
            failed += 1
        elif update:
            golden.write_bytes(run.stdout)
            passed += 1
        elif golden.exists() and golden.read_bytes() == run.stdout:
            passed += 1
        else:
            old = golden.read_text().splitlines() if golden.exists() else []
            new = run.stdout.decode(errors="replace").splitlines()
            print("\n".join(difflib.unified_diff(old, new, golden.name, "now", lineterm="")))
            failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


sys.exit(main())

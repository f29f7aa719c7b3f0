"""The tests as others meet them: `python -m tests.settings [arguments of pytest]`, or `make test-settings`.

Each setting is a fresh copy of the checkout in a folder of its own:
  set           the variables of real rows are set, nothing lies beside the checkout
  neither       no variable, nothing beside it
  both          variables set, and a `shared/data` beside the checkout that must not be looked at
  no home       an ordinary user without HOME
  a blank       a path with a blank in it
Prints how many tests passed, failed and did not run in each; the exit code is 1 where one failed or a copy ran none.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.real_rows import VARIABLES

ROOT = Path(__file__).resolve().parents[1]

# An ordinary user in a namespace of its own, where the system grants one: files stay readable, rights are gone.
ORDINARY = """
import ctypes, os, sys
uid, gid = os.getuid(), os.getgid()
if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == 0:
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"1000 {uid} 1")
    open("/proc/self/gid_map", "w").write(f"1000 {gid} 1")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

SETTINGS = ("set", "neither", "both", "no home", "a blank")


def copied(to):
    """The checkout's files, those not committed yet among them."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


def run(setting, folder, arguments):
    """Counts by word of one setting's tests, and what pytest printed."""
    checkout = copied(folder / ("a checkout" if setting == "a blank" else "checkout"))
    env = dict(os.environ)
    if setting == "neither":
        env = {name: value for name, value in env.items() if name not in VARIABLES}
    if setting == "both":
        (folder / "shared" / "data").mkdir(parents=True)
        for name in ("sldbench", "isoflop", "curves"):
            (folder / "shared" / "data" / name).mkdir()  # empty: whoever looks here finds nothing
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-rN",
        "--tb=short",
        "-v",
        *arguments,
    ]
    if setting == "no home":
        env.pop("HOME", None)
        command[1:1] = ["-c", ORDINARY]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)\b", done.stdout)}
    return done.returncode, counts, done.stdout + done.stderr


def main():
    bad = 0
    for setting in SETTINGS:
        with tempfile.TemporaryDirectory(prefix="settings-") as folder:
            code, counts, said = run(setting, Path(folder), sys.argv[1:])
        wrong = code != 0 or not counts.get("passed")
        bad |= wrong
        print(
            f"{setting:<8} {'WRONG' if wrong else 'green'}  "
            + (", ".join(f"{n} {w}" for w, n in counts.items()) or "none ran")
        )
        for line in said.splitlines():
            if line.startswith("NOT RUN") or (wrong and ("Error" in line or "FAILED" in line)):
                print(f"         {line}")
        sys.stdout.flush()
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())

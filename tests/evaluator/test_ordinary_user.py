"""The same attacks as an ordinary user: containment may not rest on being root, nor be undone by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("hostile_as_user.py")
NOBODY = 65534

# For an interpreter in a home only its owner may enter: the owner still, but by no means root.
UNPRIVILEGED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
uid, gid = os.getuid(), os.getgid()
if libc.unshare(0x10000000):
    raise SystemExit("no user namespace: " + os.strerror(ctypes.get_errno()))
open("/proc/self/setgroups", "w").write("deny")
open("/proc/self/uid_map", "w").write(f"1000 {uid} 1")
open("/proc/self/gid_map", "w").write(f"1000 {gid} 1")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def environment() -> dict[str, str]:
    libraries = str(Path(np.__file__).parents[1])
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": libraries, "PYTHONDONTWRITEBYTECODE": "1"}


def as_nobody(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env=environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def interpreter_for_nobody() -> str | None:
    """An interpreter of this version that user nobody can start, with NumPy in reach."""
    name = f"python3.{sys.version_info.minor}"
    for path in (
        sys.executable,
        getattr(sys, "_base_executable", ""),
        shutil.which(name, path="/usr/bin:/usr/local/bin"),
    ):
        try:
            if path and as_nobody([path, "-c", f"import numpy; open({str(SCRIPT)!r})"]).returncode == 0:
                return path
        except PermissionError:
            continue
    return None


def told(out: str, without: tuple[str, ...]) -> dict:
    """The script's report; the line of it that a page quotes is printed (pytest -rP shows it)."""
    report = json.loads(out)
    held = report["attacks"] - len(report["escaped"])
    user = "root" if report["uid"] == 0 else f"user {report['uid']}"
    print(
        f"{user}, without {', '.join(without) or 'nothing'}: {held} of {report['attacks']} attacks contained"
    )
    return report


SETTINGS = [
    pytest.param((), id="all layers"),
    pytest.param(("namespaces",), id="no user namespaces", marks=pytest.mark.slow),
    pytest.param(("landlock",), id="no Landlock", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("without", SETTINGS)
@pytest.mark.timeout(3600)  # a loaded machine is slow
def test_every_attack_is_contained_for_an_ordinary_user(without, tmp_path):
    label = tmp_path / "heldout.csv"
    label.write_text("1.0\n")
    label.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    arguments = [str(SCRIPT), str(label), *without]
    if os.getuid() != 0:  # an ordinary user already
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    elif python := interpreter_for_nobody():
        done = as_nobody([python, *arguments])
    else:
        command = [sys.executable, "-c", UNPRIVILEGED, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = told(done.stdout, without)
    assert report["uid"] != 0
    assert report["capabilities"] == 0
    assert ("Landlock" in report["level"]) == ("landlock" not in without)
    assert "seccomp" in report["level"]
    assert report["attacks"] >= 200
    assert report["escaped"] == {}
    assert report["unharmed"]
    assert label.read_text() == "1.0\n"


@pytest.mark.slow
@pytest.mark.timeout(3600)  # a loaded machine is slow
@pytest.mark.parametrize("without", SETTINGS[1:])
def test_every_attack_is_contained_for_this_user_with_a_layer_less(without, tmp_path):
    label = tmp_path / "heldout.csv"
    label.write_text("1.0\n")
    arguments = [str(SCRIPT), str(label), *without]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    report = told(done.stdout, without)
    assert report["attacks"] >= 200
    assert report["escaped"] == {}
    assert report["unharmed"]
    assert label.read_text() == "1.0\n"

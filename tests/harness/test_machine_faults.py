"""What the machine refuses is one line, nothing finished is lost, and the run goes on when the fault is gone.

Disks are real ones of a few megabytes (tmpfs), limits are the kernel's.
"""

import errno
import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from evaluator import LocalSandbox
from harness.record.run_folder import RunFolder, write_atomically
from harness.run import run as stages
from harness.terminal.edges import command

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import benchmarks.kills as kills  # noqa: E402  # a folder of scripts, found from the root


class Stop(Exception):
    pass


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A run whose search is over and whose law is still to be chosen, and a way to go on with a copy of it."""
    with LocalSandbox(workers=1) as box, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "_sandbox", lambda config, terms: nullcontext(box))
        folder, assignment = kills.begun(tmp_path_factory.mktemp("runs"), "searched", 0)
        with pytest.MonkeyPatch.context() as stopped, pytest.raises(Stop):
            stopped.setattr(stages, "choose", raising(Stop()))
            stages.run(folder, folder.config(), assignment, stages.Terms())

        @command
        def go_on(argv=None):
            return int(
                stages.run(RunFolder(Path(argv[0])), folder.config(), assignment, stages.Terms()).summary
                is None
            )

        yield folder.path, go_on


def raising(error):
    def raises(*given):
        raise error

    return raises


def before(monkeypatch, stage, do):
    """Have something happen when a run enters a stage, once."""
    real, left = getattr(stages, stage), [do]

    def first(*given):
        if left:
            left.pop()()
        return real(*given)

    monkeypatch.setattr(stages, stage, first)


@contextmanager
def small_disk(place, megabytes=8):
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(place)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=False)


def fill(disk):
    with open(disk / "filler", "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError:
            pass


def ended(capsys, *words):
    """What was said on standard error: one line with these words."""
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1, said
    assert all(word in said for word in words), said


def is_whole(path):
    folder = RunFolder(path)
    with folder.journal(read_only=True) as journal:
        kinds = [kind for kind, _, _ in journal.events()]
        assert journal.whole() == []
    assert kinds.count("reveal") == 1
    return folder.summary()["law"] is not None


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["search", "choose", "reveal", "conclude", "trace"])
def test_a_full_disk_costs_nothing_that_was_finished(stage, searched, tmp_path, monkeypatch, capsys):
    source, go_on = searched
    with small_disk(tmp_path / "disk") as disk:
        path = Path(shutil.copytree(source, disk / "run"))
        before(monkeypatch, stage, lambda: fill(disk))
        assert go_on([str(path)]) == 2
        ended(
            capsys,
            "Nothing that was finished is lost"
            if stage != "search"
            else "nothing that was written before is lost",
        )
        (disk / "filler").unlink()
        assert go_on([str(path)]) == 0
        assert is_whole(path)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["reveal", "conclude"])
def test_a_folder_that_is_renamed_meanwhile_goes_on_under_its_new_name(
    stage, searched, tmp_path, monkeypatch, capsys
):
    source, go_on = searched
    path = Path(shutil.copytree(source, tmp_path / "run"))
    before(monkeypatch, stage, lambda: path.rename(tmp_path / "other"))
    assert go_on([str(path)]) == 2
    ended(capsys, "No such file or directory", "run/")
    assert go_on([str(tmp_path / "other")]) == 0
    assert is_whole(tmp_path / "other")


ORDINARY = """
import ctypes, os, sys
if os.getuid() == 0:
    if ctypes.CDLL(None).unshare(0x10000000):
        raise SystemExit("no user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", "1000 0 1"), ("gid_map", "1000 0 1")):
        open(f"/proc/self/{name}", "w").write(text)
    os.execv(sys.executable, sys.orig_argv)
"""
"""For root: the same program again with another number and without root's rights, so that modes of files count."""


def test_a_read_only_folder_is_named(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    path.chmod(0o555)
    script = """
import sys
from pathlib import Path
from harness.record.run_folder import RunFolder, write_atomically
from harness.terminal.edges import command
@command
def main(argv=None):
    if argv[1] == "lock":
        RunFolder(Path(argv[0])).lock()
    write_atomically(Path(argv[0]) / "summary.json", "{}")
sys.exit(main(sys.argv[1:]))
"""
    for what in ("lock", "write"):
        command_line = [sys.executable, "-c", ORDINARY + script, str(path), what]
        done = subprocess.run(command_line, capture_output=True, text=True, check=False, cwd=ROOT)
        if "no user namespace" in done.stderr:
            pytest.skip("root can't become an ordinary user here")
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1 and "writ" in done.stderr, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "variables", "code"),
    [
        ("ulimit -n 64", {}, 0),
        ("ulimit -f 24", {}, 2),
        ("", {"TMPDIR": "/nonexistent"}, 0),
    ],
)  # fmt: skip
def test_limits_of_the_shell_are_kept_or_said(limits, variables, code, tmp_path):
    """A search and its choice under the kernel's limits: done, or one line."""
    command_line = 'exec "$0" -m harness evolve --task finetune_vocab --source nano --evaluations 4 --workers 1 --out "$1"'
    done = subprocess.run(
        ["bash", "-c", f"{limits}\n{command_line}", sys.executable, str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **variables},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: "), done.stderr


def test_a_file_that_may_not_grow_stays_as_it_was(tmp_path):
    path = tmp_path / "summary.json"
    write_atomically(path, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            write_atomically(path, "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.filename == str(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "make room"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (OSError(errno.EFBIG, "File too large", "a/b"), "ulimit -f"),
        (OSError(errno.EROFS, "Read-only file system", "a/b"), "folder"),
        (MemoryError(), "out of memory"),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/x']"),
            "temporary directory",
        ),
    ],
)
def test_what_the_machine_refuses_is_one_line(error, words, capsys):
    assert command(raising(error))([]) == 2
    ended(capsys, words)


# In a namespace of mounts of its own: a /dev of five devices.
WITHOUT_SHARED_MEMORY = """
set -e
mount -t tmpfs none "$1"
for device in null zero full random urandom; do
    touch "$1/$device"
    mount --bind "/dev/$device" "$1/$device"
done
mount --rbind "$1" /dev
test ! -e /dev/shm
exec "$2" -c "$3"
"""
BESIDE = """
from evaluator import LocalSandbox
from harness.bench import beside
from harness.terminal.edges import command
with LocalSandbox(workers=1) as box:
    print(box.level)
raise SystemExit(command(lambda argv=None: beside.in_processes([], None, 2, lambda: False, print) or 0)([]))
"""


def test_processes_beside_each_other_need_shared_memory_and_say_so(tmp_path):
    inside = ["unshare", "--mount", "--propagation", "private"]
    if subprocess.run([*inside, "mount", "-t", "tmpfs", "none", str(tmp_path)], check=False).returncode:
        pytest.skip("no right to mounts of its own")
    script = ["sh", "-c", WITHOUT_SHARED_MEMORY, "sh", str(tmp_path), sys.executable, BESIDE]
    done = subprocess.run([*inside, *script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stdout.startswith("process, rlimits")  # the sandbox needs none
    (line,) = done.stderr.splitlines()
    assert "/dev/shm" in line and "--jobs 1" in line


@pytest.mark.slow
def test_runs_killed_in_every_stage_end_as_if_nothing_had_happened(capsys):
    assert kills.main(["--kills", "10"]) == 0

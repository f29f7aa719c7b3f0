"""The layers one by one: the system-call filter on both machines, readable paths, wire format, limits."""

from __future__ import annotations

import errno
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.child import wire

FOLDER = Path(__file__).parents[2] / "evaluator" / "child"

ALLOW, REFUSE, KILL, MISSING = 0x7FFF0000, 0x50000 | errno.EPERM, 0x80000000, 0x50000 | errno.ENOSYS


def in_zygote_style(code: str) -> str:
    """What a script prints that finds `layers` as the zygote does, by path and without the package."""
    lines = f"import sys; sys.path.insert(0, {str(FOLDER)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def filters():
    code = """
    import json
    from layers import seccomp
    print(json.dumps({m: {"audit": a, "calls": t, "shut": seccomp.build(m).hex(), "timed": seccomp.build(m, clocks=True).hex(), "paths": [n for n in seccomp.PATHS if n in t], "clocks": [n for n in seccomp.CLOCKS if n in t], "numbers": seccomp.NUMBERS}
                      for m, (a, t) in seccomp.ARCHITECTURES.items()}))
    assert seccomp.build("riscv64") is None
    """
    return json.loads(in_zygote_style("\n".join(line.strip(" ") if "from" not in line else line.strip() for line in code.splitlines())))  # fmt: skip


def verdict(program: str, arch: int, number: int, *arguments: int) -> int:
    """Run a classic BPF program on one system call, as the kernel would."""
    data = struct.pack("=iIQ6Q", number, arch, 0, *(arguments + (0,) * 6)[:6])
    ops = [struct.unpack("HBBI", bytes.fromhex(program)[i : i + 8]) for i in range(0, len(program) // 2, 8)]
    at, value = 0, 0
    while True:
        code, true, false, k = ops[at]
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, k)
        elif code == 0x06:
            return k
        else:
            hit = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += true if hit else false


MACHINES = ["x86_64", "aarch64"]

# socket, connect, kill, tgkill, ptrace, execve, unlinkat, fchmodat, prctl, io_uring_setup, memfd_create,
# pidfd_open, openat2, setrlimit or prlimit64, unshare, mount, bpf, sendmsg, process_vm_readv
REFUSED = {
    "x86_64": [
        41,
        42,
        62,
        234,
        101,
        59,
        263,
        268,
        157,
        425,
        319,
        434,
        437,
        302,
        272,
        165,
        321,
        46,
        310,
        57,
        58,
        2,
        29,
    ],
    "aarch64": [
        198,
        203,
        129,
        131,
        117,
        221,
        35,
        53,
        167,
        425,
        279,
        434,
        437,
        261,
        97,
        40,
        280,
        211,
        270,
        194,
    ],
}


LOOKED_AT = {"clone3", "fcntl", "ioctl", "mmap"}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_lets_arithmetic_through_and_nothing_else(filters, machine):
    f = filters[machine]
    special = LOOKED_AT | set(f["paths"]) | set(f["clocks"]) | set(f["numbers"])
    allowed = {number for name, number in f["calls"].items() if name not in special}
    for number in range(1000):
        expected = ALLOW if number in allowed else REFUSE
        if number not in {f["calls"][name] for name in special}:
            assert verdict(f["shut"], f["audit"], number) == expected, number
    assert not allowed & set(REFUSED[machine])
    assert {"read", "write", "mmap", "futex", "exit_group", "openat"} <= set(f["calls"])


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_are_looked_at(filters, machine):
    f = filters[machine]
    calls = f["calls"]
    assert verdict(f["shut"], f["audit"], calls["clone3"]) == MISSING
    for command, expected in ((1, ALLOW), (3, ALLOW), (1030, ALLOW), (4, REFUSE), (8, REFUSE), (10, REFUSE)):
        assert verdict(f["shut"], f["audit"], calls["fcntl"], 3, command) == expected
    for request, expected in ((0x5401, ALLOW), (0x5421, REFUSE), (0x5412, REFUSE), (0x8901, REFUSE)):
        assert verdict(f["shut"], f["audit"], calls["ioctl"], 0, request) == expected
    for flags, expected in ((0x22, ALLOW), (0x02, ALLOW), (0x21, REFUSE), (0x01, REFUSE), (0x03, REFUSE)):
        assert verdict(f["shut"], f["audit"], calls["mmap"], 0, 4096, 3, flags) == expected


CLONE = {"x86_64": (56, 57, 58), "aarch64": (220,)}


@pytest.mark.parametrize("machine", MACHINES)
def test_there_is_one_task_a_child_and_its_number_is_nothing(filters, machine):
    f = filters[machine]
    for number in CLONE[machine]:
        for flags in (0x3D0F00, 0x11, 0x01200011):
            assert verdict(f["shut"], f["audit"], number, flags) == REFUSE
    for name in ("getpid", "getppid", "gettid"):
        assert verdict(f["shut"], f["audit"], f["calls"][name]) == 0x50000


@pytest.mark.parametrize("machine", MACHINES)
def test_clocks_are_shut_where_programs_have_their_own(filters, machine):
    f = filters[machine]
    for name in f["clocks"]:
        assert verdict(f["shut"], f["audit"], f["calls"][name]) == REFUSE
        assert verdict(f["timed"], f["audit"], f["calls"][name]) == ALLOW
    for name in ("sysinfo", "sched_getaffinity", "getcpu"):
        assert name not in f["calls"]


@pytest.mark.parametrize("machine", MACHINES)
def test_other_architectures_are_killed_and_x32_refused(filters, machine):
    f = filters[machine]
    for arch in (0x40000003, 0x40000028, 0):  # i386, arm
        assert verdict(f["shut"], arch, f["calls"]["read"]) == KILL
    assert verdict(f["shut"], f["audit"], 0x40000000 | f["calls"]["read"]) == REFUSE
    assert verdict(f["shut"], f["audit"], -1) == REFUSE


@pytest.mark.parametrize("machine", MACHINES)
def test_no_path_is_opened_or_asked_after(filters, machine):
    f = filters[machine]
    for name in f["paths"]:
        for program in (f["shut"], f["timed"]):
            assert verdict(program, f["audit"], f["calls"][name]) == 0x50000 | errno.EACCES
    assert {"openat", "newfstatat", "statx", "readlinkat", "getdents64", "fstat"} <= set(f["paths"])
    assert verdict(f["shut"], f["audit"], f["calls"]["read"]) == ALLOW


def test_readable_paths_are_libraries_by_name(tmp_path):
    """A package beside NumPy is not readable: a task's rows may be installed there."""
    files, folders, lists = json.loads(
        in_zygote_style(
            "import json, numpy, scipy\nfrom layers import paths\nprint(json.dumps(paths.readable(False)))"
        )
    )
    every = files + folders
    assert not [p for p in folders if Path(p).name in ("site-packages", "dist-packages")]
    assert [p for p in folders if p.endswith("site-packages/numpy") or p.endswith("dist-packages/numpy")]
    outside = ("tasks", "evaluator", "harness", "pandas", "pytest")
    assert not [p for p in every if Path(p).name in outside]
    assert not [p for p in every if str(FOLDER.parents[1]).startswith(p.rstrip("/") + "/")]
    for forbidden in ("/", "/etc", "/usr", "/usr/lib", "/lib", "/proc", "/home", "/root", "/tmp"):
        assert forbidden not in every
        assert forbidden not in lists


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.integers())),
    st.binary().map(lambda b: b[: len(b) // 8 * 8]),
)
def test_messages_come_back_as_sent(header, payload):
    assert wire.decode(wire.encode(header, payload)) == (header, payload)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    try:
        header, payload = wire.decode(data)
    except wire.BadFrame:
        return
    assert isinstance(header, dict)
    assert len(payload) % 8 == 0


def test_a_message_cut_short_is_seen():
    data = wire.encode({"a": 1}, bytes(16))
    for n in range(len(data)):
        with pytest.raises(wire.BadFrame):
            wire.decode(data[:n])
    with pytest.raises(wire.BadFrame):
        wire.decode(data + b"x")

"""Seccomp: the few system calls that arithmetic needs, and EPERM for the rest.

Stops: every call that takes a path (open, stat, list, read a link: a file read by one child changes its time of access,
which another child could ask for), processes and threads, programs, sockets of every family, signals to anyone (the
roundabout ones by fcntl and ioctl too), tracing, memory shared with anyone, io_uring, namespaces, keys, clocks, sleeping,
the machine's load and memory and number of processors, and calls numbered for another architecture.
Process numbers read 0. Flags of descriptors can't be changed.
Does not stop: processor time and memory (limits do), what the library's clock says without a call (`clock.py` does).

Needs no privilege. Tables for x86_64 and aarch64; elsewhere this layer is missing.
Source of the numbers: the kernel's syscall tables.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

from layers.limits import prctl

PR_SET_SECCOMP = 22
MODE_FILTER = 2
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
X32_BIT = 0x40000000
MAP_SHARED = 1

FCNTL_COMMANDS = (0, 1, 2, 3, 1030)  # duplicate, close on exec, read flags; not "send signals to"
IOCTL_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5450, 0x5451)  # terminal? size? bytes? close on exec

PATHS = (
    "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "openat",
    "getcwd", "getdents64", "fstat",
)  # fmt: skip
"""Answered with EACCES, which reads as a file that may not be read, not as a fault."""

NUMBERS = ("getpid", "getppid", "gettid")
"""Answered with 0: a process number tells how many calls there were before."""

CLOCKS = (
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "clock_nanosleep",
    "nanosleep",
)
"""Allowed only where programs see the clock anyway: the library's way to it falls back to these."""

_X86_64 = {
    "read": 0, "write": 1, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9,
    "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
    "ioctl": 16, "pread64": 17, "readv": 19, "writev": 20, "access": 21, "sched_yield": 24, "mremap": 25,
    "madvise": 28, "dup": 32, "nanosleep": 35, "getpid": 39, "exit": 60, "uname": 63,
    "fcntl": 72, "getcwd": 79, "readlink": 89, "gettimeofday": 96, "getrusage": 98,
    "times": 100, "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110,
    "sigaltstack": 131, "gettid": 186, "time": 201, "futex": 202, "getdents64": 217,
    "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230,
    "exit_group": 231, "openat": 257, "newfstatat": 262, "readlinkat": 267, "set_robust_list": 273,
    "getrandom": 318, "membarrier": 324, "statx": 332, "rseq": 334, "clone3": 435,
    "faccessat2": 439,
}  # fmt: skip

_AARCH64 = {
    "getcwd": 17, "dup": 23, "fcntl": 25, "ioctl": 29, "faccessat": 48, "openat": 56, "close": 57,
    "getdents64": 61, "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67,
    "ppoll": 73, "readlinkat": 78, "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98,
    "set_robust_list": 99, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114,
    "clock_nanosleep": 115, "sched_yield": 124, "restart_syscall": 128,
    "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153,
    "uname": 160, "getrusage": 165, "gettimeofday": 169, "getpid": 172, "getppid": 173,
    "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "brk": 214,
    "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233,
    "getrandom": 278, "membarrier": 283, "statx": 291, "rseq": 293, "clone3": 435, "faccessat2": 439,
}  # fmt: skip

ARCHITECTURES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}
"""machine -> (audit number, name -> system call)."""

# Offsets in struct seccomp_data.
_NR, _ARCH, _ARG0, _ARG1, _ARG3 = 0, 4, 16, 24, 40
_LOAD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06


def _op(code: int, k: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, jump_true, jump_false, k)


def _only(offset: int, values: tuple[int, ...]) -> bytes:
    """Allow when a 32-bit argument is one of the values, refuse otherwise; ends the program."""
    tests = [_op(_JEQ, v, len(values) - i) for i, v in enumerate(values)]
    refuse, allow = _op(_RET, ERRNO | errno.EPERM), _op(_RET, ALLOW)
    return _op(_LOAD, offset) + b"".join(tests) + refuse + allow


def build(machine: str, clocks: bool = False) -> bytes | None:
    """The filter as BPF instructions, or None for a machine without a table.

    Args:
        machine: as `platform.machine()` names it.
        clocks: allow to read the time, for machines without a clock of the program's own.
    """
    if machine not in ARCHITECTURES:
        return None
    audit, numbers = ARCHITECTURES[machine]
    program = [_op(_LOAD, _ARCH), _op(_JEQ, audit, 1), _op(_RET, KILL_PROCESS), _op(_LOAD, _NR)]
    program += [_op(_JGE, X32_BIT, 0, 1), _op(_RET, ERRNO | errno.EPERM)]
    special = {
        # glibc asks clone3 first and falls back to clone.
        "clone3": _op(_RET, ERRNO | errno.ENOSYS),
        "fcntl": _only(_ARG1, FCNTL_COMMANDS),
        "ioctl": _only(_ARG1, IOCTL_REQUESTS),
        "mmap": _op(_LOAD, _ARG3)
        + _op(_JSET, MAP_SHARED, 1)
        + _op(_RET, ALLOW)
        + _op(_RET, ERRNO | errno.EPERM),
    }
    special |= {name: _op(_RET, ERRNO | errno.EACCES) for name in PATHS if name in numbers}
    special |= {name: _op(_RET, ERRNO) for name in NUMBERS}
    if not clocks:
        special |= {name: _op(_RET, ERRNO | errno.EPERM) for name in CLOCKS if name in numbers}
    for name, block in special.items():
        program += [_op(_JEQ, numbers[name], 0, len(block) // 8), block]
    for name, number in numbers.items():
        if name not in special:
            program += [_op(_JEQ, number, 0, 1), _op(_RET, ALLOW)]
    program.append(_op(_RET, ERRNO | errno.EPERM))
    return b"".join(program)


def here(clocks: bool = False) -> bytes | None:
    """The filter for this process; None off Linux, and for 32-bit code on a 64-bit kernel."""
    if not sys.platform.startswith("linux") or struct.calcsize("P") != 8:
        return None
    return build(platform.machine(), clocks)


def install(program: bytes) -> bool:
    """Filter this process's system calls; no_new_privs must be set."""
    instructions = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(filter_, len(filter_))
    return bool(prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.addressof(buffer)))

"""Resource limits and the tie to the parent's life.

Stops: processor time (killed outright; all threads count),
address space, files and captured output beyond a size, core dumps, descriptors.
Does not stop: sleeping (the host's deadline does), processes of uid 0 (seccomp does), reading files.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import threading
import time

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4

MAX_DESCRIPTORS = 64

_libc: ctypes.CDLL | None
try:
    _libc = ctypes.CDLL(None, use_errno=True)
except OSError:  # no loader for the running program itself: go without prctl
    _libc = None


def prctl(option: int, value: int = 0, last: int = 0) -> bool:
    """Whether the call succeeded; False where there is no prctl."""
    if _libc is None or getattr(_libc, "prctl", None) is None:
        return False
    zero = ctypes.c_ulong(0)
    return bool(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(last), zero, zero) == 0)


def address_space() -> int:
    """Bytes of address space this process has now; 0 where /proc is missing."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def die_with_parent(dumpable: bool = False) -> None:
    """Die when the thread that forked us does, and let nobody read our memory."""
    parent = os.getppid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if not dumpable:
        prctl(PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(72)


def end_with_host() -> None:
    """Where the system does not tie us to our parent's life, a thread does.

    Only there: a thread made before the doors close is not behind them.
    """
    if getattr(_libc, "prctl", None) is not None:
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(72)

    threading.Thread(target=watch, daemon=True).start()


def apply(cpu_s: int, address_bytes: int | None, output_bytes: int, no_processes: bool) -> None:
    """Set every limit; a limit the system refuses is left to the other layers.

    Args:
        cpu_s: processor seconds of all threads.
        address_bytes: address space, the warm libraries' included; None for no limit.
        output_bytes: size of any file written, and so of the captured output.
        no_processes: also refuse new processes and threads; does nothing for uid 0.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)  # a worker that was not forked has spent some on loading
    cpu_s += int(used.ru_utime + used.ru_stime)
    wanted = [
        # No warning first: a signal that can be handled is a clock.
        ("RLIMIT_CPU", cpu_s, cpu_s),
        ("RLIMIT_FSIZE", output_bytes, output_bytes),
        ("RLIMIT_NOFILE", MAX_DESCRIPTORS, MAX_DESCRIPTORS),
        ("RLIMIT_CORE", 0, 0),
    ]
    if address_bytes is not None:
        wanted.append(("RLIMIT_AS", address_bytes, address_bytes))
    if no_processes:
        wanted.append(("RLIMIT_NPROC", 0, 0))
    for name, soft, hard in wanted:
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (soft, hard))


def few_descriptors(most: int) -> None:
    """So that closing all of them is quick; children lower it further."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def works() -> bool:
    """Try: set limits, and see that an allocation beyond them is refused."""
    apply(10, address_space() + (64 << 20), 65536, no_processes=False)
    try:
        bytearray(256 << 20)
    except MemoryError:
        return resource.getrlimit(resource.RLIMIT_CPU) == (10, 10)
    return False

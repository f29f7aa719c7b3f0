"""The host's handle on a zygote process: start it, ask it to fork, end it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import socket
import subprocess
import sys
import sysconfig
import threading
from enum import Enum
from pathlib import Path

from evaluator.errors import SandboxError

START_TIMEOUT_S = 120.0
"""A loaded machine with cold disks can take long; only a hang should end here."""


class ZygoteDied(Exception):
    """The zygote is gone or no longer answers; the call may be tried again on a new one."""


class Profile(Enum):
    """What a zygote loads before it forks. Less loaded means a faster fork.

    A program always runs under the profile its imports ask for, so its numbers do not depend on
    what ran before.
    """

    NUMPY = (
        # NumPy and the standard library load these at first use; a child would pay for it each time.
        "numpy", "numpy.random", "numpy.linalg", "numpy.polynomial", "numpy.fft", "numpy.ma",
        "dataclasses", "typing",
    )  # fmt: skip
    OPTIMIZE = (
        *NUMPY, "scipy.optimize", "scipy.special", "scipy.linalg", "multiprocessing",
        # COBYLA and COBYQA; private, so an import that fails is passed over.
        "scipy._lib.pyprima", "scipy._lib.cobyqa",
    )  # fmt: skip
    SCIPY = (*OPTIMIZE, "scipy.stats", "scipy.interpolate", "scipy.integrate", "concurrent.futures.thread")
    FITTING = (*SCIPY, "fitting")

    @classmethod
    def of(cls, imported: frozenset[str], named: tuple[str, ...] = ()) -> Profile:
        """The profile for a program that imports these dotted names, and names these."""
        parts = {tuple(name.split(".")[:2]) for name in imported}
        if any(part[0] == "fitting" for part in parts):
            return cls.FITTING
        scipy = {part[1:] for part in parts if part[0] == "scipy"}
        if not scipy:
            return cls.NUMPY
        # A bare `import scipy` may go on to use any part of it, and `shgo` loads the statistics.
        if any(name.endswith(".shgo") for name in (*imported, *named)):
            return cls.SCIPY
        return cls.OPTIMIZE if scipy <= {("optimize",), ("special",), ("linalg",)} else cls.SCIPY


def fitting_folder() -> Path | None:
    """Where the `fitting` package lies, or None when it is not installed."""
    spec = importlib.util.find_spec("fitting")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).resolve()


class Zygote:
    """One zygote process.

    Attributes:
        layers: the layers that hold in its children, as printed; known when it is ready.
        files_safe: whether its children are kept from reading files; the same.
        pid: its process id, as this machine sees it.

    Args:
        profile: what to load.
        without: layers to leave out; see `layers.Lockdown`.
        single_use: serve one request without forking; see `spawned.py`.
    """

    def __init__(self, profile: Profile, without: tuple[str, ...] = (), single_use: bool = False) -> None:
        self._lock = threading.Lock()
        # One request is one packet; a single request needs no boundaries, and macOS has no such sockets.
        kind = socket.SOCK_STREAM if single_use else socket.SOCK_SEQPACKET
        try:
            self.control, theirs = socket.socketpair(socket.AF_UNIX, kind)
        except OSError as error:
            raise SandboxError(f"sandbox: no channel to a process that runs programs: {error}") from error
        host_fd = _own_pidfd()
        fitting = fitting_folder() if profile is Profile.FITTING else None
        config = {
            "control_fd": theirs.fileno(),
            "host_fd": host_fd,
            "paths": [str(fitting.parent)] if fitting else [],
            "preload": [m for m in profile.value if m != "fitting" or fitting],
            "with_fitting": fitting is not None,
            "without": list(without),
            "single_use": single_use,
        }
        script = str(Path(__file__).parents[1] / "child" / "zygote.py")
        fds = [theirs.fileno()] + ([host_fd] if host_fd is not None else [])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", script, json.dumps(config)],
                env=clean_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=fds,
                # Ctrl-C at the terminal is for the host; it ends us in its own time.
                start_new_session=True,
            )
        except OSError as error:
            self.control.close()
            raise SandboxError(f"sandbox: the process that runs programs did not start: {error}") from error
        finally:
            theirs.close()
            if host_fd is not None:
                os.close(host_fd)
        self.pid = self._process.pid
        self._starting = threading.Lock()
        self._ready = False
        self.layers: list[str] = []
        self.files_safe = False

    def wait_until_ready(self) -> None:
        """Returns when the zygote has loaded what it should.

        Raises:
            ZygoteDied: it does not come up.
        """
        with self._starting:
            if self._ready:
                return
            poller = select.poll()
            poller.register(self.control, select.POLLIN)
            try:
                hello = self.control.recv(65536) if poller.poll(START_TIMEOUT_S * 1000) else b""
            except OSError:
                hello = b""
            if not hello:
                self._process.kill()
                said = self._process.communicate()[1].decode("utf-8", "replace").strip().splitlines()
                telling = [line for line in said if "Error" in line] or said
                raise ZygoteDied(telling[-1] if telling else "it said nothing")
            facts = json.loads(hello)
            self.layers, self.files_safe = facts["layers"], facts["files_safe"]
            self._hush()
            self._ready = True

    def fork(self, order: dict[str, int], job: int, status: int, output: int) -> None:
        """Have a child forked that serves the job on `job`.

        Raises:
            ZygoteDied: nobody answers.
        """
        try:
            with self._lock:
                socket.send_fds(self.control, [json.dumps(order).encode()], [job, status, output])
        except OSError as error:
            raise ZygoteDied(str(error)) from error

    def reaped(self, status: int) -> None:
        """Somebody else has waited for the process."""
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.close()

    def close(self, at_once: bool = False) -> None:
        """Hang up; the zygote kills its children and ends. Killed if it lingers.

        Args:
            at_once: do not wait for it, as when it no longer answers.
        """
        self.control.close()
        if at_once or not self._ready:  # while loading it would not look up for a while
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self._hush()

    def _hush(self) -> None:
        if self._process.stderr is not None:
            self._process.stderr.close()


def clean_environment() -> dict[str, str]:
    """Only what the interpreter needs: no secrets, one BLAS thread, one hash seed."""
    kept = {}
    if os.environ.get("LD_LIBRARY_PATH"):  # some interpreters find their own library this way
        kept["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    threads = ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
    return {
        **kept,
        **{f"{name}_NUM_THREADS": "1" for name in threads},
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",  # what was printed before a crash is kept
        "PYTHONPATH": os.pathsep.join(_library_paths()),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        # A thread's own arena reserves 64 MB of address space, which is limited here.
        "MALLOC_ARENA_MAX": "1",
    }


def _library_paths() -> list[str]:
    """Folders NumPy and SciPy come from, wherever this interpreter found them."""
    usual = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found = []
    for name in ("numpy", "scipy"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SandboxError(f"{name} is not installed for {sys.executable}; install it there")
        folder = str(Path(spec.origin).resolve().parent.parent)
        if folder not in usual and folder not in found:
            found.append(folder)
    return found


def _own_pidfd() -> int | None:
    try:
        return os.pidfd_open(os.getpid())
    except (AttributeError, OSError):
        return None

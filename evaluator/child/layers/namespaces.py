"""Namespaces round the zygote: a bonus, because many machines do not grant them.

Stops: seeing or signalling any process outside; every network but an empty one; System V shared
memory with the outside; processes that outlive the zygote (its death ends the whole namespace).
Does not stop: files (Landlock does), and one child harming another inside (limits and seccomp do).

Made once round the zygote, not round each child, which would cost milliseconds a call.
"""

from __future__ import annotations

import ctypes
import os

from layers import limits

NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS = 0x10000000, 0x20000000, 0x40000000, 0x08000000, 0x04000000


def enter() -> bool:
    """Go on as process 1 of namespaces of our own; False, and no change, where they are refused.

    The calling process stays outside, waits, and ends as its child does. Call before any thread
    exists and before much is loaded.
    """
    if not _granted():
        return False
    _make()
    child = os.fork()
    if child:
        _wait_for(child)
    limits.die_with_parent(dumpable=True)
    return True


def _granted() -> bool:
    """Try it all in a throw-away child: a half-made namespace cannot be undone."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _make()
            inner = os.fork()
            if inner == 0:
                os._exit(0 if os.getpid() == 1 else 1)
            code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def _make() -> None:
    """New namespaces for the next child, in which this user stays who it is.

    Raises:
        OSError, AttributeError: they are refused, or this system has none.
    """
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEWUSER | NEWPID | NEWNET | NEWIPC | NEWUTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _wait_for(child: int) -> None:
    # Only the child may hold the host's sockets, or the host would not see it end.
    os.closerange(3, 65536)
    status = os.waitpid(child, 0)[1]
    os._exit(0 if status == 0 else 1)

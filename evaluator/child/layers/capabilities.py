"""Privileges of root given up, and none to be had again.

Stops: everything that root may do and others may not (mounting, tracing, raising limits, reading
files against their modes), and getting it back by running a set-uid program.
Does not stop: what any process of this user may do. The user stays the same, because an
interpreter in a home that only its owner may enter must still find its modules.
"""

from __future__ import annotations

import ctypes
import struct

from layers.limits import prctl

PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
VERSION_3 = 0x20080522
LAST = 63


def no_new_privileges() -> bool:
    """Landlock and seccomp ask for this first."""
    return bool(prctl(PR_SET_NO_NEW_PRIVS, 1))


def drop() -> bool:
    """Give up every capability; True when none is left."""
    for number in range(LAST + 1):  # fails harmlessly beyond the last one, and for ordinary users
        prctl(PR_CAPBSET_DROP, number)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    libc = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("Ii", VERSION_3, 0))
    if libc.capset(header, ctypes.create_string_buffer(bytes(24))) != 0:
        return False
    left = ctypes.create_string_buffer(24)
    return libc.capget(header, left) == 0 and not any(left.raw)

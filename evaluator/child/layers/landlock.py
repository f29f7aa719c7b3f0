"""Landlock: a file system of which only the libraries can be read.

Stops: reading any file but the interpreter's, NumPy's, SciPy's and their system libraries; writing,
making, renaming, truncating or deleting anything; listing other folders; running programs; TCP (from ABI 4);
signals and abstract sockets out of the sandbox (from ABI 6).
Does not stop: asking whether a path exists and how large it is; changing a file's mode, owner or times;
UDP and local sockets; anything through descriptors that are open already. Seccomp and the
closing of descriptors do.

Needs no privilege; kernel 5.13 or later with Landlock among its security modules.
Source of the numbers: the kernel's include/uapi/linux/landlock.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
VERSION_FLAG = 1
PATH_BENEATH = 1
READ_FILE, READ_DIR = 4, 8
TCP_RIGHTS = 3  # bind, connect
SCOPES = 3  # abstract sockets, signals


def _syscall(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(number), *arguments))


def abi() -> int:
    """Landlock's version in this kernel; 0 where there is none."""
    try:
        return max(0, _syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(VERSION_FLAG)))
    except (OSError, AttributeError):
        return 0


def _file_rights(version: int) -> int:
    bits = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    return (1 << bits) - 1


def ruleset(files: list[str], folders: list[str], lists: list[str]) -> int | None:
    """Descriptor of a ruleset that allows reading and nothing else, or None where it cannot be had.

    Args:
        files: may be read.
        folders: everything beneath may be read and listed.
        lists: these and the folders beneath may be listed.
    """
    version = abi()
    if version == 0:
        return None
    attributes = struct.pack(
        "QQQ", _file_rights(version), TCP_RIGHTS if version >= 4 else 0, SCOPES if version >= 6 else 0
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    fd = _syscall(CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(size), ctypes.c_uint(0))
    if fd < 0:
        return None
    for paths, rights in ((files, READ_FILE), (folders, READ_FILE | READ_DIR), (lists, READ_DIR)):
        for path in paths:
            with contextlib.suppress(OSError):
                _allow(fd, path, rights)
    return fd


def _allow(ruleset_fd: int, path: str, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, fd)
        _syscall(
            ADD_RULE,
            ctypes.c_int(ruleset_fd),
            ctypes.c_int(PATH_BENEATH),
            ctypes.c_char_p(rule),
            ctypes.c_uint(0),
        )
    finally:
        os.close(fd)


def restrict(ruleset_fd: int) -> bool:
    """Bind this process to the ruleset for the rest of its life; no_new_privs must be set."""
    return _syscall(RESTRICT_SELF, ctypes.c_int(ruleset_fd), ctypes.c_uint(0)) == 0

"""A clock of the program's own: it counts how often it was looked at, and says nothing of the time.

Stops: reading the time of day, the load or how long anything takes. The library's way to the clock (the kernel's vDSO page)
is turned to code of ours, the pages it reads the time from are unmapped, and the processor's counter is shut
off. What remains is a number that begins the same in every child and grows by `TICK_NS` at each look, so a loop "until a
second has passed" ends, and ends the same way each time.
Does not stop: the system calls for the time (seccomp does); counting one's own steps.

Only on x86_64, where the processor's counter can be refused; elsewhere, and where the kernel has sealed its
page, this layer is missing and programs see the clock.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import struct
import sys
import time

from layers.limits import prctl

PR_SET_TSC = 26
PR_TSC_SIGSEGV = 2

START_S = 1_000_000_000
"""What the clock says first, in seconds."""

TICK_NS = 100_000
"""What one look costs."""

_PAGE = 4096


def own() -> bool:
    """Turn this process and those it forks to a clock of their own; True when that worked."""
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        return False
    try:
        pages = _kernel_pages()
        found = {name: at for name, at in _symbols(*pages["[vdso]"]).items() if name in _CODE}
        if not {"__vdso_clock_gettime", "__vdso_time", "__vdso_gettimeofday"} <= set(found):
            return False
        _turn(pages, found)
        return bool(prctl(PR_SET_TSC, PR_TSC_SIGSEGV))
    except (OSError, KeyError, ValueError, struct.error):
        return False


def begin() -> None:
    """Set the clock to its beginning, so that it says the same in every child."""
    for area in _kept:
        struct.pack_into("<Q", area, 0, START_S * 10**9)


def holds() -> bool:
    """Whether clocks read ours and the processor's counter is shut, tried in a throw-away child."""
    first, second = time.time_ns(), time.time_ns()
    if first // 10**9 != START_S or second - first != TICK_NS:
        return False
    child = os.fork()
    if child == 0:
        code = mmap.mmap(-1, _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        code.write(b"\x0f\x31\xc3")  # rdtsc; ret
        ctypes.CFUNCTYPE(ctypes.c_int)(_address(code))()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _address(area: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(area))


def _kernel_pages() -> dict[str, tuple[int, int]]:
    """Start and end of the pages the kernel maps into every process, by name."""
    found = {}
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            name = line.split()[-1]
            if name.startswith(("[vdso", "[vvar")):
                low, high = line.split()[0].split("-")
                found[name] = (int(low, 16), int(high, 16))
    return found


def _symbols(low: int, high: int) -> dict[str, int]:
    """Addresses of the functions of the kernel's page, a small ELF image."""
    image = ctypes.string_at(low, high - low)
    (headers,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    base, dynamic = 0, None
    for i in range(count):
        kind, _, offset, virtual = struct.unpack_from("<IIQQ", image, headers + i * size)
        if kind == 1:
            base = virtual - offset
        elif kind == 2:
            dynamic = offset
    if dynamic is None:
        return {}
    tags: dict[int, int] = {}
    while True:
        tag, value = struct.unpack_from("<QQ", image, dynamic)
        if tag == 0:
            break
        tags[tag] = value - base
        dynamic += 16
    strings, symbols = tags[5], tags[6]
    found = {}
    for at in range(symbols, strings if strings > symbols else len(image) - 24, 24):
        name, info, _, _, value, length = struct.unpack_from("<IBBHQQ", image, at)
        text = image[strings + name : image.index(b"\0", strings + name)].decode("ascii", "replace")
        if info & 15 == 2 and length >= len(_jump(0)):
            found[text] = low + value - base
    return found


def _jump(to: int) -> bytes:
    return b"\x48\xb8" + struct.pack("<Q", to) + b"\xff\xe0"  # mov rax, to; jmp rax


def _turn(pages: dict[str, tuple[int, int]], found: dict[str, int]) -> None:
    """Lead the kernel's functions to ours and take the pages away that hold the time."""
    area = mmap.mmap(-1, 2 * _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=3)
    counter = _address(area)
    jumps, at = {}, _PAGE
    look = b"\x48\xb8" + struct.pack("<Q", counter) + _LOOK
    for name, code in _CODE.items():
        if name in found:
            text = code.replace(b"LOOK", look)
            area[at : at + len(text)] = text
            jumps[found[name]] = counter + at
            at += (len(text) + 15) // 16 * 16
    _protect(counter + _PAGE, _PAGE, 5)
    low, high = pages["[vdso]"]
    _protect(low, high - low, 7)
    for place, to in jumps.items():
        ctypes.memmove(place, _jump(to), len(_jump(to)))
    _protect(low, high - low, 5)
    for name, (low, high) in pages.items():
        if name.startswith("[vvar"):
            _call("munmap", low, high - low)
    _kept.append(area)
    begin()


_kept: list[mmap.mmap] = []
"""The counter and the code, side by side."""


def _protect(at: int, length: int, how: int) -> None:
    _call("mprotect", at, length, ctypes.c_int(how))


def _call(name: str, at: int, length: int, *more: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(ctypes.c_void_p(at), ctypes.c_size_t(length), *more) != 0:
        raise OSError(ctypes.get_errno(), name)


# After "mov rax, counter": seconds in rax, nanoseconds in rdx; rsi and rdi are kept.
_LOOK = (
    b"\xb9" + struct.pack("<I", TICK_NS) +  # mov ecx, tick
    b"\xf0\x48\x0f\xc1\x08"                 # lock xadd [rax], rcx
    b"\x48\x89\xc8"                         # mov rax, rcx
    b"\x31\xd2"                             # xor edx, edx
    b"\xb9\x00\xca\x9a\x3b"                 # mov ecx, 1000000000
    b"\x48\xf7\xf1"                         # div rcx
)  # fmt: skip

_CODE = {
    "__vdso_clock_gettime": b"LOOK"
    b"\x48\x85\xf6\x74\x07"           # test rsi, rsi; jz over
    b"\x48\x89\x06\x48\x89\x56\x08"   # mov [rsi], rax; mov [rsi + 8], rdx
    b"\x31\xc0\xc3",                  # xor eax, eax; ret
    "__vdso_gettimeofday": b"LOOK"
    b"\x49\x89\xc0\x48\x89\xd0"       # mov r8, rax; mov rax, rdx
    b"\x31\xd2\xb9\xe8\x03\x00\x00"   # xor edx, edx; mov ecx, 1000
    b"\x48\xf7\xf1"                   # div rcx
    b"\x48\x85\xff\x74\x07"           # test rdi, rdi; jz over
    b"\x4c\x89\x07\x48\x89\x47\x08"   # mov [rdi], r8; mov [rdi + 8], rax
    b"\x31\xc0\xc3",                  # xor eax, eax; ret
    "__vdso_time": b"LOOK"
    b"\x48\x85\xff\x74\x03"           # test rdi, rdi; jz over
    b"\x48\x89\x07\xc3",              # mov [rdi], rax; ret
    "__vdso_clock_getres": b"\x48\x85\xf6\x74\x0f"  # test rsi, rsi; jz over
    b"\x48\xc7\x06\x00\x00\x00\x00"       # mov qword [rsi], 0
    b"\x48\xc7\x46\x08\x01\x00\x00\x00"   # mov qword [rsi + 8], 1
    b"\x31\xc0\xc3",                      # xor eax, eax; ret
    # It reads a page that is gone; the library then makes the system call.
    "__vdso_getrandom": b"\x48\xc7\xc0\xda\xff\xff\xff\xc3",  # mov rax, -ENOSYS; ret
}  # fmt: skip
"""Machine code in place of the kernel's functions; LOOK reads the counter and moves it on."""

"""Which files a child may read: the interpreter's library, NumPy, SciPy and what they link to.

Packages are named one by one. A folder such as site-packages as a whole would let a program read
the rows of a task that is installed there.
"""

from __future__ import annotations

import os
import sys
import sysconfig

PACKAGES = ("numpy", "numpy.libs", "scipy", "scipy.libs")
FITTING_PACKAGES = ("fitting", "sympy", "mpmath", "gmpy2", "gmpy2.libs")
SYSTEM = ("/etc/ld.so.cache", "/usr/share/zoneinfo")
_NOT_OURS = ("site-packages", "dist-packages")


def readable(with_fitting: bool) -> tuple[list[str], list[str], list[str]]:
    """Files, folders, and folders that may only be listed, for this interpreter.

    Args:
        with_fitting: whether the `fitting` package and what it imports may be read.
    """
    found: list[str] = [path for path in SYSTEM if os.path.exists(path)]
    lists: list[str] = []
    for folder in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}:
        if folder and os.path.isdir(folder):
            lists.append(folder)
            found += [os.path.join(folder, name) for name in os.listdir(folder) if name not in _NOT_OURS]
    packages = PACKAGES + (FITTING_PACKAGES if with_fitting else ())
    for entry in sys.path:
        if os.path.isdir(entry):
            ours = [os.path.join(entry, name) for name in packages]
            ours = [path for path in ours if os.path.exists(path)]
            found += ours
            if os.path.join(entry, "numpy") in ours:
                lists.append(entry)
    found += _system_libraries()
    real = {os.path.realpath(path) for path in found} | set(found)
    folders = sorted(path for path in real if os.path.isdir(path))
    return sorted(real - set(folders)), folders, sorted(set(lists))


def _system_libraries() -> list[str]:
    """Folders of the shared libraries this process has mapped; single files where Python lives beside them."""
    folders = set()
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
            for line in file:
                path = line.rstrip("\n").partition("/")[2]
                if ".so" in os.path.basename(path):
                    folders.add("/" + os.path.dirname(path))
    except OSError:
        folders = {"/lib", "/usr/lib", "/lib64", "/usr/lib64"}
    found = []
    for folder in folders:
        if any(part in folder for part in _NOT_OURS) or not os.path.isdir(folder):
            continue  # extension modules: their packages are named above
        names = os.listdir(folder)
        if any(name.startswith("python") for name in names):
            found += [os.path.join(folder, name) for name in names if ".so" in name]
        else:
            found.append(folder)
    return found

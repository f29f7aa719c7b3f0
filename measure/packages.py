"""The five kinds of text, and the Debian packages that they come in.

A package is fetched with `apt-get download`, which needs no rights and installs nothing, checked against its
SHA-256, and unpacked into the cache. The text itself is never part of the project.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measure.errors import BadText, MissingPart


@dataclass(frozen=True, slots=True)
class Package:
    """One Debian package.

    Attributes:
        kind: which of the five kinds of text it holds.
        name, version: as Debian names them (release 12, main archive).
        sha256: of the .deb file.
        licence: of the text inside.
    """

    kind: str
    name: str
    version: str
    sha256: str
    licence: str


PACKAGES = (
    Package(
        "code",
        "libpython3.11-stdlib",
        "3.11.2-6+deb12u8",
        "890b3540dad8a1ccc0deeca025db735bcc82629a76adacbe3b50fcc06ed528ca",
        "Python Software Foundation licence",
    ),
    Package(
        "docs",
        "python3.11-doc",
        "3.11.2-6+deb12u8",
        "50eb63e7f636c4281e9ce1b8f10386f1def42159eddce34fc1f41c46261df71b",
        "Python Software Foundation licence",
    ),
    Package(
        "headers",
        "linux-libc-dev",
        "6.1.176-1",
        "8bb258735b9dffbb111da778ebdd024750878e435ffd9dfcadcb6762ede6b4cf",
        "GPL-2 with the system call note",
    ),
    Package(
        "dictionary",
        "dict-gcide",
        "0.48.5+nmu2",
        "7b0af5cfde3cbdef5e9d6e78f92ec335ced7c2790f37a40f49bebc6f7347ac0f",
        "GPL-3 or later; from a public-domain dictionary of 1913",
    ),
    Package(
        "prose",
        "sword-text-kjv",
        "14.3-1",
        "9f463f28ce665f6f528fc723179722bced880a4c5485f7a41bf742838315de57",
        "public domain",
    ),
)
KINDS = tuple(p.kind for p in PACKAGES)
"""In the order that columns of domains are numbered: domain 1 is code."""


def fetch(package: Package, cache: Path) -> Path:
    """The folder that a package's files were unpacked into, fetched if need be.

    Raises:
        MissingPart: no apt or dpkg here, or the archive has not that version.
        BadText: the file is not the pinned one.
    """
    place = cache / "packages" / f"{package.name}_{package.version}"
    if (place / "complete").exists():
        return place / "files"
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise MissingPart(
                f"text comes in Debian packages, and {tool} is not on this machine; run `harness measure gather` on "
                f"Debian or Ubuntu and copy the folder {cache} here"
            )
    place.mkdir(parents=True, exist_ok=True)
    wanted = f"{package.name}={package.version}"
    done = subprocess.run(["apt-get", "download", wanted], cwd=place, capture_output=True, text=True)
    files = sorted(place.glob("*.deb"))
    if done.returncode or not files:
        reason = " ".join(done.stderr.split()[-30:])
        raise MissingPart(
            f"apt-get download {wanted} found nothing ({reason}); it is in Debian 12's archive, after apt-get update"
        )
    found = hashlib.sha256(files[0].read_bytes()).hexdigest()
    if found != package.sha256:
        raise BadText(
            f"{files[0]}: expected SHA-256 {package.sha256}, got {found}; remove it and gather again"
        )
    subprocess.run(["dpkg-deb", "-x", str(files[0]), str(place / "files")], check=True)
    files[0].unlink()
    (place / "complete").touch()
    return place / "files"

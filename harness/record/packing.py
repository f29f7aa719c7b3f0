"""Texts made small for a journal: a program as what it changes of another, an entry by the words that all of them share.

A program that a search rendered is nine tenths template, so what is kept of it is its difference to an earlier program of the
same journal, its base, by deflate with a dictionary. Both forms begin with their own check, so that damage is seen without
unpacking; a text that does not get smaller is kept as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

ALONE = bytes(8)
"""In the place of a base: this program has none, and may be one."""

MOST_BASES = 8
_HEAD = 12
_GOOD = 6
"""A program packed to less than one in so many needs no better base."""

# The words of an entry, the most frequent ones last. Journals are read with it: it never changes, a new one needs a new mark.
_WORDS = (
    b'{"detail":"","failure":"exception","traceback":""}"timeout""not_finite"{"candidate":{"draft":{"constants":["c0","c1",'
    b'"c2","c3","a1","a2","a3","s1","s2","k1","l1"],"edit":"seed","edit":"change_factor+couple","edit":"change_fit","edit":'
    b'"add_term","edit":"drop_term","edit":"change_kind+uncouple","edit":"swap_term","edit":"tie+untie","edit":"toggle_bias",'
    b'"edit":"pin+unpin+nudge","key":"c1 + c2*(c3 + vocab_size)**c4*non_vocab_parameters**c5*num_characters**c6 | loss=huber,'
    b' link=log, emphasis=1, non_negative=False, ridge=1e-05, exponent_bound=1","law":"exp(c0 + c1*num_characters**-a1*(vocab_'
    b'size + s1)**-a2 + c2*log(non_vocab_parameters)","shape":"log-vanishes","shape":"levels","shape":"grows","shape":"vanishes'
    b'","size":1},"generation":1,"id":"c000001","mate":null,"mate":"c0000","niche":-1,"parent":"c0000","proposer":"random","prop'
    b'oser":"formula"},"outcome":{"cards":{"outer 11%":{"log_error":0.,"mae":0.,"n_rows":120,"nmae":0.,"nmse":0.0,"per_group":{'
    b'"all_data":{"log_error":"nan","mae":0.0,"n_rows":120,"nmae":0.1,"nmse":0.00,"per_group":{},"r2":0.99}},"r2":0.98},"outer '
    b'22%":{"log_error":0.1},"outer 33%":{"log_error":0.1}},"constants":{"all_data":[-1.0,0.0]},"n_constants":5}}'
)
_MARK = b"\x01"


def _deflated(data: bytes, base: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=base) if base else zlib.compressobj(6, wbits=-15)
    return packer.compress(data) + packer.flush()


def _inflated(data: bytes, base: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15, zdict=base) if base else zlib.decompressobj(-15)
    text = unpacker.decompress(data) + unpacker.flush()
    if not unpacker.eof:
        raise ValueError("a packed text breaks off")
    return text


def packed_entry(text: str) -> str | bytes:
    """An entry's JSON, made small where it gets smaller."""
    plain = text.encode()
    data = _MARK + _deflated(plain, _WORDS)
    return data if len(data) < len(plain) else text


def entry_text(stored: str | bytes) -> str:
    """The JSON of an entry as stored.

    Raises:
        ValueError: damaged, or packed by a later version.
    """
    if isinstance(stored, str):
        return stored
    if stored[:1] != _MARK:
        raise ValueError("an entry is packed in a way that this version does not know")
    try:
        return _inflated(stored[1:], _WORDS).decode()
    except zlib.error as error:
        raise ValueError(f"an entry can't be unpacked: {error}") from error


class ProgramPacker:
    """Packs and unpacks the programs of one journal.

    Args:
        fetch: head of a base's hash, in hex -> that program as stored.
        bases: heads of the hashes of the programs that may be bases.
    """

    def __init__(self, fetch: Callable[[str], str | bytes], bases: Callable[[], list[str]]) -> None:
        self._fetch, self._find = fetch, bases
        self._texts: dict[bytes, bytes] = {}
        self._bases: list[bytes] | None = None

    def packed(self, sha: str, text: str) -> str | bytes:
        """A program's text as it is to be stored under its hash."""
        if self._bases is None:
            self._bases = [bytes.fromhex(head) for head in self._find()]
        plain = text.encode()
        best, base = plain, ALONE
        for head in self._bases:
            data = _deflated(plain, self._text(head))
            if len(data) < len(best):
                best, base = data, head
            if len(best) * _GOOD < len(plain):
                break
        else:  # none helps enough to do without a look at the program alone
            data = _deflated(plain, b"")
            if len(data) <= len(best):
                best, base = data, ALONE
        if base == ALONE:
            if len(best) + _HEAD >= len(plain):
                return text
            if len(self._bases) < MOST_BASES:
                self._bases.append(_head_of(sha))
                self._texts[_head_of(sha)] = plain
        else:  # the base that helped is tried first next time
            self._bases.remove(base)
            self._bases.insert(0, base)
        return _check(sha, base + best) + base + best

    def text(self, stored: str | bytes) -> str:
        """A program's text as it was.

        Raises:
            ValueError: damaged.
        """
        if isinstance(stored, str):
            return stored
        base = stored[4:_HEAD]
        try:
            return _inflated(stored[_HEAD:], b"" if base == ALONE else self._text(base)).decode(
                "utf-8", "surrogateescape"
            )
        except zlib.error as error:
            raise ValueError(f"a program can't be unpacked: {error}") from error

    def _text(self, head: bytes) -> bytes:
        if head not in self._texts:
            self._texts[head] = self.text(self._fetch(head.hex())).encode("utf-8", "surrogateescape")
        return self._texts[head]


def intact(sha: str, stored: bytes) -> bool:
    """Whether a packed program is as it was written under this hash."""
    return len(stored) > _HEAD and stored[:4] == _check(sha, stored[4:])


def base_of(stored: bytes) -> str | None:
    """Head of the hash of the program that a packed one was made small by, in hex; None where it stands alone."""
    return None if stored[4:_HEAD] == ALONE else stored[4:_HEAD].hex()


def _head_of(sha: str) -> bytes:
    return bytes.fromhex(sha[:16])


def _check(sha: str, data: bytes) -> bytes:
    return zlib.crc32(data, zlib.crc32(sha.encode("utf-8", "surrogateescape"))).to_bytes(4)

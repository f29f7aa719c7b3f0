"""A figure as SVG that stands inside a page: small, of the page's colours and type, its marks saying what they are."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from harness.pages.theme import COLOURS

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_VARIABLE = {value: f"var(--{name})" for name, value in COLOURS.items()}
_COLOUR = re.compile("|".join(map(re.escape, _VARIABLE)))
_FONT = re.compile(r"font: ([^'\";]*?)(\d+(?:\.\d+)?)px [^;]*")
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_LONG = re.compile(r"(\d+\.\d{2})\d+")


def inline_svg(figure: Any, key: str, label: str, tips: Mapping[str, Sequence[str]] | None = None) -> str:
    """The figure's SVG element.

    Args:
        key: told in front of every id, since a page holds many figures.
        label: what the figure shows, for those who can't see it.
        tips: gid of a scatter -> a line of text for each of its marks, in order.
    """
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(out.getvalue())  # our own, written a line above
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        _rewrite(element, key)
    for child in [e for e in root if e.tag.endswith("metadata")]:
        root.remove(child)
    for gid, lines in (tips or {}).items():
        _tell(root, f"{key}-{gid}", lines)
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.attrib |= {"role": "img", "aria-label": label, "class": "figure"}
    root.attrib.pop("version", None)
    return ET.tostring(root, encoding="unicode", short_empty_elements=True)


def _rewrite(element: ET.Element, key: str) -> None:
    href = element.attrib.pop(_LINK, None)
    if href is not None:
        element.set("href", f"#{key}-{href[1:]}")
    if "id" in element.attrib:
        element.set("id", f"{key}-{element.attrib['id']}")
    if "clip-path" in element.attrib:
        element.set("clip-path", _REFERENCE.sub(rf"url(#{key}-\1)", element.attrib["clip-path"]))
    if "style" in element.attrib:
        style = _COLOUR.sub(lambda m: _VARIABLE[m[0]], element.attrib["style"])
        element.set("style", _FONT.sub(r"font: \1\2px var(--font)", style))
    for name in ("d", "x", "y", "transform"):
        if name in element.attrib:
            element.set(name, _LONG.sub(r"\1", element.attrib[name]))


def _tell(root: ET.Element, gid: str, lines: Sequence[str]) -> None:
    """Give every mark of a scatter its title, which browsers show where the pointer rests."""
    group = next((e for e in root.iter("g") if e.get("id") == gid), None)
    uses = [] if group is None else list(group.iter("use"))
    if len(uses) != len(lines):
        return
    for use, line in zip(uses, lines, strict=True):
        ET.SubElement(use, "title").text = line

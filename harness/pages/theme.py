"""Colours and type of every figure: fit for the colour-blind (Okabe and Ito's), each twice told, by colour and by mark.

On pages the same colours are CSS variables, so that a figure follows the reader's light or dark mode and prints well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

COLOURS = {
    "ink": "#1b1f23",
    "muted": "#5b636b",
    "rule": "#d4d8dc",
    "shade": "#f3e6c4",
    "paper": "#fffffe",
    "law": "#0072b2",
    "forecast": "#c04f00",
    "train": "#4f5b66",
    "validation": "#007f5f",
    "heldout": "#a3307c",
    "control": "#a86f00",
    "failed": "#8c1d18",
}
"""Name -> colour on white, each at least 4.5 : 1 where it draws a mark or a word."""

DARK = {
    "ink": "#e8eaed",
    "muted": "#a3abb3",
    "rule": "#3c434a",
    "shade": "#3a3320",
    "paper": "#15181b",
    "law": "#58b4ea",
    "forecast": "#f08a4b",
    "train": "#b3bcc5",
    "validation": "#35c69d",
    "heldout": "#e58cc4",
    "control": "#e6ab3c",
    "failed": "#f28b82",
}
"""The same on near black."""

MARKS = {"train": "o", "validation": "s", "heldout": "D"}
NAMES = {"train": "training rows", "validation": "validation rows (hidden from the fit)", "heldout": "held-out rows"}  # fmt: skip

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels are foreign text
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "grid.color": COLOURS["rule"],
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.titlecolor": COLOURS["ink"],
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "text.color": COLOURS["ink"],
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "pdf.fonttype": 42,  # letters stay letters in the files that journals take
}


@contextmanager
def themed() -> Iterator[None]:
    """matplotlib set up for our figures, and as it was afterwards."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def css_variables() -> str:
    """The colours as CSS: light, dark where the reader's system is, and light in print."""
    light, dark = _declared(COLOURS), _declared(DARK)
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"@media print{{:root{{color-scheme:light;{light}}}}}"
    )


def _declared(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())

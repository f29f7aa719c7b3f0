"""Numbers as pages show them."""

from __future__ import annotations


def number(value: float | None, digits: int = 4) -> str:
    """A value for a table: few digits, a real minus sign; an en dash where there is none."""
    if value is None or value != value:
        return "–"
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def score(value: float | None) -> str:
    """An R2 or an error, with four places."""
    if value is None or value != value:
        return "–"
    return (f"{value:.3g}" if abs(value) >= 1e4 else f"{value:.4f}").replace("-", "−")

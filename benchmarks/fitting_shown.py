"""Tables of the fitting benchmarks: printed as they end, and kept for the JSON."""

from __future__ import annotations

import sys


def table(title: str, header: tuple[str, ...], rows: list[tuple]) -> dict:
    """Print rows under a title, and return them for the JSON."""
    cells = [[c if isinstance(c, str) else "-" if c is None else f"{c:.6g}" for c in row] for row in rows]
    widths = [max(len(r[i]) for r in [list(header), *cells]) for i in range(len(header))]
    print(f"\n{title}")
    for row in [list(header), *cells]:
        print(
            "  "
            + "  ".join(
                c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
        )
    sys.stdout.flush()
    return {"title": title, "header": header, "rows": rows}

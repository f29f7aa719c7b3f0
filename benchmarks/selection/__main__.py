"""Rules of choosing, compared on stored searches of a corpus by source left out: seconds, once evidence is gathered.

    harness bench --task corpus --data-dir DIR --seeds 1 --evaluations 600 --minutes 5 --workers 1 --no-random --no-hindsight --out runs/corpus
    python -m benchmarks.selection gather runs/corpus --data-dir DIR     # fits every law again; resumable, the long part
    python -m benchmarks.selection report runs/corpus --data-dir DIR     # the rules, the forecast, the law, the interval
    python -m benchmarks.selection fit runs/corpus --data-dir DIR        # the interval's width, into weights.json
    python -m benchmarks.selection plot runs/corpus --data-dir DIR --to docs/decisions/0002-selection.png

    harness bench ... --only-random --out runs/corpus_random             # then gather; the control of the search itself
    python -m benchmarks.selection against-random runs/corpus --random runs/corpus_random --data-dir DIR

Error: root mean square of the log of the target (of the target in its standard deviations where it is not always
positive), a mean over groups. "over best" is its ratio to the best of all laws of the run on the held-out rows, which was
picked by looking; geometric mean, sources equal. A corpus is no benchmark: its held-out rows may be scored freely. So may
rows simulated from published laws (`harness bench --task simulated`), and the outer part of training rows:

    harness bench --task corpus --nested 0.25 ... --out runs/nested       # then give --nested 0.25 to gather and report
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from benchmarks.selection.against_random import against_random  # noqa: E402
from benchmarks.selection.gathering import gather_all  # noqa: E402
from benchmarks.selection.interval import fit_weights  # noqa: E402
from benchmarks.selection.origin import Origin  # noqa: E402
from benchmarks.selection.report import plot, report  # noqa: E402
from benchmarks.selection.table import tables  # noqa: E402


def tell(text: str, what: str, page: Path | None) -> None:
    """Print a text, or put it into a page between its marks."""
    if page is None:
        print(text)
        return
    begin, end = f"<!-- {what} -->", f"<!-- end of {what} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"error: {page}: expected a line {begin} and after it a line {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def main() -> int:
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.selection",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("what", choices=("gather", "report", "fit", "plot", "against-random"))
    p.add_argument("runs", type=Path, nargs="+", help="folders of ended runs of a suite")
    p.add_argument("--random", type=Path, nargs="+", default=[], help="those of independent random laws")
    p.add_argument("--data-dir", metavar="DIR", help="the corpus (default: SLD_CORPUS_DIR)")
    p.add_argument(
        "--nested",
        type=float,
        metavar="SHARE",
        help="the share that `harness bench --nested` hid in these runs",
    )
    p.add_argument("--workers", type=int, default=2)
    p.add_argument(
        "--into", type=Path, help="page that gets the text, between <!-- WHAT --> and <!-- end of WHAT -->"
    )
    p.add_argument("--to", type=Path, default=Path("selection.png"), help="file of the plot")
    args = p.parse_args()
    origin = Origin(args.data_dir, args.nested)
    if args.what == "gather":
        for root in args.runs:
            gather_all(root, origin, args.workers)
        return 0
    found = tables(args.runs, origin)
    if not found:
        print("error: no run has evidence; run `gather` first", file=sys.stderr)
        return 2
    if args.what == "report":
        tell(report(found), args.what, args.into)
    elif args.what == "fit":
        print(fit_weights(found))
    elif args.what == "plot":
        plot(found, args.to)
    else:
        tell(against_random(found, tables(args.random, origin)), args.what, args.into)
    return 0


if __name__ == "__main__":
    sys.exit(main())

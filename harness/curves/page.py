"""`harness curves page`: the study as one interactive HTML file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import sys
from importlib import resources
from pathlib import Path

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup

from curves import load_curves, load_delphi, load_delphi_endpoints
from harness.curves.ours import LABELS, NOTE, our_curves
from harness.curves.page_data import JOINT_PREFIXES, endpoints_of, page_data
from harness.curves.page_words import FORMS, JOINT_FORMS, NOTES
from harness.errors import BadHistory
from harness.pages.shell import assets, environment
from harness.pages.typeset import tex
from harness.terminal.edges import Parser, alias

HELP = """\
Write curves, fitted continuations, best-form map, target search, endpoint laws and joint fits as one HTML file.

Without --file it shows the Delphi midtraining runs of the folder of curve sets, or our own measurements. Your own runs: a tidy CSV, one row an
evaluation, with the columns named below. The file holds its data and its script; it opens without a network.
"""
EXAMPLES = """\
examples:
  harness curves page --out report.html
  harness curves page --file runs.csv --labels data,peak_lr --compute flops --out report.html
"""


def parser() -> Parser:
    p = Parser(
        prog="harness curves page",
        description=HELP,
        epilog=EXAMPLES,
    )
    p.add_argument(
        "--out", default="curves.html", metavar="FILE", help="where to write (default %(default)s)"
    )
    data = p.add_argument(
        "--data-dir",
        dest="data",
        default=os.environ.get("SLD_CURVES_DIR"),
        metavar="DIR",
        help="folder of the public curve sets (default: the variable SLD_CURVES_DIR; without it, our own measurements)",
    )
    alias(p, "--data", data)
    own = p.add_argument("--csv", dest="file", metavar="FILE", help="your own runs")
    alias(p, "--file", own)
    p.add_argument(
        "--run", default="run_id", metavar="COLUMN", help="with --csv: the run (default %(default)s)"
    )
    p.add_argument(
        "--loss", default="loss", metavar="COLUMN", help="with --csv: the loss (default %(default)s)"
    )
    p.add_argument(
        "--step", default="step", metavar="COLUMN", help="with --csv: the step (default %(default)s)"
    )
    p.add_argument(
        "--total", metavar="COLUMN", help="with --csv: the planned last step (default: each run's last)"
    )
    p.add_argument(
        "--compute",
        default="C",
        metavar="COLUMN",
        help="with --csv: the run's compute (default %(default)s)",
    )
    p.add_argument(
        "--labels", default="mix,lr_factor", metavar="A,B", help="with --csv: two columns that make a recipe"
    )
    p.add_argument(
        "--no-joint", action="store_true", help="leave the joint fits out (they take most of the time)"
    )
    p.add_argument("--title", help="the page's title")
    return p


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    labels = tuple(args.labels.split(","))
    if len(labels) != 2:
        raise BadHistory(f"--labels {args.labels!r}: expected two columns, as in mix,lr_factor")
    if args.file:
        curves = load_curves(
            args.file, run=args.run, loss=args.loss, step=args.step, total=args.total, labels=labels, C=args.compute,
            progress=None,
        )  # fmt: skip
        endpoints, title = endpoints_of(curves, labels), Path(args.file).stem
    elif not args.data:
        print(NOTE, file=sys.stderr)
        curves, labels, title = our_curves(), LABELS, "our own measurements"
        endpoints = endpoints_of(curves, labels)
    else:
        curves, endpoints, title = (
            load_delphi(args.data),
            load_delphi_endpoints(args.data),
            "Delphi midtraining",
        )
    data = page_data(
        curves,
        endpoints,
        labels,
        args.title or f"Curve prediction: {title}",
        () if args.no_joint else JOINT_PREFIXES,
        3e20 if args.data and not args.file else None,
        say=lambda text: print(f"fitting {text}", file=sys.stderr),
    )
    write_page(data, args.out)
    print(f"wrote {args.out}: {len(curves)} runs, {Path(args.out).stat().st_size / 1e6:.1f} MB")
    return 0


def write_page(data: dict, path: str) -> None:
    """Fill data, words, style and script into the template."""
    folder = resources.files("harness.curves") / "web"
    script = (folder / "curves.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # "<" can't occur in the JSON, so that no run's name ends the script.
    text = json.dumps(_finite(data), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    env = environment().overlay(
        loader=ChoiceLoader([PackageLoader("harness.curves", "web"), PackageLoader("harness.pages")])
    )
    env.filters["tex"] = tex
    page = env.get_template("curves.html.j2").render(
        labels=data["labels"],
        forms=FORMS,
        joint_forms=JOINT_FORMS,
        notes=NOTES,
        data=Markup(text),
        script=Markup(script),
        script_hash=Markup(f"'sha256-{digest}'"),
        style=assets()["style"] + Markup((folder / "curves.css").read_text(encoding="utf-8")),
    )
    try:
        Path(path).write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadHistory(f"--out {path}: can't be written ({error.strerror})") from None


def _finite(value):
    """NaN and infinities as null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    sys.exit(main())

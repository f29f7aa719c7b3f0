"""What every page is filled in by: templates that escape what is foreign, one style, one script."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.pages.numbers import number, score
from harness.pages.theme import css_variables
from tables.shown import one_line, shown

WORDS = {
    "train": "training rows",
    "validation": "validation rows, hidden from the fit",
    "heldout": "held-out rows",
    "law": "law",
    "fitted law": "law with its band",
    "law marks": "law",
    "forecast": "forecast with its 90 % band",
    "forecast marks": "forecast, 90 %",
    "beyond": "beyond the training rows",
    "one": "a law",
    "front": "front: no smaller law is better",
    "chosen": "the chosen law",
    "failed": "failed",
    "mean of runs": "mean over runs, and each run",
    "forecast mean": "forecast",
    "random laws": "random laws",
    "best control": "best control",
    "ceiling": "noise ceiling",
}


@cache
def environment() -> Environment:
    """Templates, with everything foreign escaped."""
    env = Environment(
        loader=PackageLoader("harness.pages"), autoescape=True, trim_blocks=True, undefined=StrictUndefined
    )  # fmt: skip
    env.filters |= {"num": number, "score": score, "line": one_line, "shown": shown}
    env.globals["words"] = WORDS
    return env


@cache
def assets() -> dict[str, Markup]:
    """Style and script of every page, and the hash by which the page lets this script alone run."""
    folder = resources.files("harness.pages") / "web"
    script = (folder / "page.js").read_text(encoding="utf-8")
    style = css_variables() + re.sub(r"\n\s*", "\n", (folder / "page.css").read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"style": Markup(style), "script": Markup(script), "script_hash": Markup(f"'sha256-{digest}'")}

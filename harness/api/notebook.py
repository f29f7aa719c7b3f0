"""A run as a notebook shows it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from harness.errors import BadRun
from harness.terminal.printing import units_text

if TYPE_CHECKING:
    from harness.api.result import Run


def as_html(run: Run) -> str:
    """Law, constants and scores of a finished run; a line on another."""
    if not run.finished:
        return f"<p>{html.escape(repr(run))}</p>"
    s = run.summary
    parts = [f"<p><b>{html.escape(s['task'])}</b>: {html.escape(s['title'])}</p>"]
    if run.law is not None:
        units = html.escape(units_text(s["units"], s["law"]))
        parts.append(f"<p>{_typeset(run)}{f' with {units}' if units else ''}</p>")
        parts += [
            run.constants.to_html(max_rows=6, float_format="{:.6g}".format),
            run.scores.to_html(float_format="{:.4f}".format),
        ]
    else:
        parts.append("<p>no law: no candidate kept every rule</p>")
    parts.append(
        f"<p>{s['evaluations']} evaluations ({s['failed_evaluations']} failed) in {s['seconds']:.0f} s; "
        f"{html.escape(str(run.path))}</p>"
    )
    return f'<div class="harness-run">{"".join(parts)}</div>'


def _typeset(run: Run) -> str:
    """The law for a notebook, which typesets what stands between dollar signs; a program's name as it is."""
    try:
        return f"${html.escape(run.latex())}$"
    except BadRun:
        return f"<code>{html.escape(run.law or '')}</code>"

"""One self-contained HTML file over all experiments that were run."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import pandas as pd

from studies.fitting_methods.experiment import Experiment, Findings, Picture
from studies.fitting_methods.page import cell

STYLE = """
body { font: 15px/1.55 system-ui, sans-serif; color: #222; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.3rem; margin-top: 3rem; border-top: 1px solid #ddd; padding-top: 1.2rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
nav ol { columns: 2; list-style: none; padding: 0; } nav a { text-decoration: none; color: #1f5fa8; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem; text-align: left; border-bottom: 1px solid #eee; white-space: nowrap; }
th { border-bottom: 1px solid #999; } td.n, th.n { text-align: right; }
img { max-width: 100%; } figure { margin: 1.2rem 0; } figcaption, .small { color: #666; font-size: 13px; }
.answer { background: #f3f7fb; border-left: 3px solid #1f5fa8; padding: .3rem 1rem; }
.note { background: #fbf6ec; border-left: 3px solid #c9802b; padding: .3rem 1rem; }
"""


def report(
    done: Sequence[tuple[Experiment, Findings]],
    missing: Sequence[tuple[Experiment, str]],
    facts: Sequence[str],
) -> str:
    """HTML with a table of contents; pictures are embedded, so the file stands alone.

    Args:
        missing: experiments that were asked for and not run, with the reason.
        facts: lines on how the report was made.
    """
    done = sorted(done, key=lambda pair: pair[0].number)
    body = ["<h1>How methods of fitting scaling laws compare</h1>"]
    body += [f'<p class="small">{html.escape(fact)}</p>' for fact in facts]
    body.append("<nav><h3>Contents</h3><ol>")
    body += [f'<li><a href="#{e.name}">{e.number}. {html.escape(e.title)}</a></li>' for e, _ in done]
    body.append("</ol></nav>")
    if missing:
        body.append('<div class="note"><p>Not run:</p><ul>')
        body += [f"<li>{e.number}. {html.escape(e.title)}: {html.escape(why)}</li>" for e, why in missing]
        body.append("</ul></div>")
    body += [section(e, f) for e, f in done]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>How methods of fitting scaling laws compare</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def section(experiment: Experiment, findings: Findings) -> str:
    parts = [f'<section id="{experiment.name}"><h2>{experiment.number}. {html.escape(experiment.title)}</h2>']
    parts.append(f"<p><b>Question.</b> {html.escape(experiment.question)}</p>")
    parts.append(f"<p><b>Set-up.</b> {html.escape(experiment.setup)}</p>")
    parts += [
        f'<div class="note"><p><b>Text against code.</b> {html.escape(n)}</p></div>' for n in experiment.notes
    ]
    answers = "".join(f"<p>{html.escape(text)}</p>" for text in findings.answer)
    parts.append(f'<div class="answer">{answers}</div>')
    parts += [embedded(picture) for picture in findings.pictures]
    for table in findings.tables:
        if len(table.printed):
            parts.append(
                f'<h3>{html.escape(table.caption)}</h3><div class="scroll">{html_table(table.printed)}</div>'
            )
        parts.append(f'<p class="small">All rows: {experiment.name}/{table.name}.csv</p>')
    return "\n".join(parts) + "</section>"


def embedded(picture: Picture) -> str:
    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format="png", dpi=110)
    data = base64.b64encode(buffer.getvalue()).decode()
    caption = html.escape(picture.caption)
    return f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'


def html_table(frame: pd.DataFrame) -> str:
    frame = frame.reset_index() if frame.index.name or frame.index.nlevels > 1 else frame
    kinds = [' class="n"' if pd.api.types.is_numeric_dtype(frame[c]) else "" for c in frame.columns]
    head = "".join(f"<th{k}>{html.escape(str(c))}</th>" for k, c in zip(kinds, frame.columns, strict=True))
    rows = [
        "<tr>"
        + "".join(f"<td{k}>{html.escape(cell(v))}</td>" for k, v in zip(kinds, row, strict=True))
        + "</tr>"
        for row in frame.itertuples(index=False)
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

"""The files of one experiment: tidy CSV, figures as PNG and SVG, and a page that states question, set-up and answer."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pandas as pd

from studies.fitting_methods.experiment import Experiment, Findings
from studies.fitting_methods.headings import cell


def markdown_table(frame: pd.DataFrame) -> str:
    names = [str(c).replace("|", "\\|") for c in frame.columns]
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    lines = ["| " + " | ".join(names) + " |", "|" + "|".join("---:" if n else "---" for n in numeric) + "|"]
    for row in frame.itertuples(index=False):
        lines.append("| " + " | ".join(cell(v).replace("|", "\\|") for v in row) + " |")
    return "\n".join(lines)


def page(experiment: Experiment, findings: Findings) -> str:
    """Markdown of one experiment; figures are linked by file name."""
    parts = [f"# Experiment {experiment.number}: {experiment.title}"]
    parts += [f"**Question.** {experiment.question}", f"**Set-up.** {experiment.setup}"]
    parts += [f"**Text against code.** {note}" for note in experiment.notes]
    parts.append("**Answer.** " + "\n\n".join(findings.answer))
    for table in findings.tables:
        if len(table.printed):
            parts.append(
                f"## {table.caption}\n\n{markdown_table(table.printed)}\n\nAll rows: [{table.name}.csv]({table.name}.csv)"
            )
        else:
            parts.append(f"{table.caption}: [{table.name}.csv]({table.name}.csv)")
    for picture in findings.pictures:
        parts.append(
            f"![{picture.caption}]({picture.name}.png)\n\n{picture.caption} ([SVG]({picture.name}.svg))"
        )
    return "\n\n".join(parts) + "\n"


def write(experiment: Experiment, findings: Findings, out: Path) -> Path:
    """Write everything into out/NAME; returns that folder."""
    folder = out / experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    for table in findings.tables:
        table.rows.to_csv(folder / f"{table.name}.csv", index=False)
    for picture in findings.pictures:
        # a fixed salt and no date: the same numbers give the same file
        with matplotlib.rc_context({"svg.hashsalt": experiment.name}):
            sheet = picture.sheet()
            sheet.savefig(folder / f"{picture.name}.png", dpi=110, facecolor="white")
            sheet.savefig(folder / f"{picture.name}.svg", metadata={"Date": None}, facecolor="white")
    (folder / "page.md").write_text(page(experiment, findings), encoding="utf-8")
    return folder

"""Draws the pictures of the README: `python -m tests.draw_pictures` (or `make pictures`).

A search on the plane of our own measurements, seed 0, one worker; what it found as a terminal shows it, its page (where Chromium is
installed), and its forecast beyond the rows.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from harness import evolve
from harness.terminal.printing import print_summary
from harness.terminal.shown import Screen
from tasks.nano import RUNS
from tests.test_architecture import ROOT

FOLDER = ROOT / "docs" / "pictures"
EVALUATIONS = 60


def plane() -> pd.DataFrame:
    """Our isoFLOP plane under the letters of the field."""
    runs = pd.read_csv(RUNS).query("experiment == 'plane' and seed == 0")
    return runs.rename(columns={"active_parameters": "N", "tokens": "D"})[["N", "D", "loss"]].reset_index(
        drop=True
    )


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as away, patch.dict(os.environ, {"SLD_TASKS_DIR": f"{away}/tasks"}):
        run = evolve(
            plane(), features=["N", "D"], target="loss", extrapolate="N*D", falls_with=["N", "D"], name="our_plane",
            evaluations=EVALUATIONS, workers=1, seed=0, progress=False, out=Path(away) / "runs",
        )  # fmt: skip
        screen = Screen(record=True, width=100, file=io.StringIO(), force_terminal=True)
        print_summary(run.summary, screen, "runs/our_plane")
        picture = screen.export_svg(title="harness evolve --task our_plane")
        fetched = re.compile(r"@font-face \{.*?\}\s*", re.S)  # the reader's own font will do
        (FOLDER / "terminal.svg").write_text(fetched.sub("", picture), encoding="utf-8")
        run.plot().savefig(FOLDER / "extrapolation.png", dpi=130, facecolor="white")
        page, chromium = run.path / "report.html", shutil.which("chromium")
        if page.exists() and chromium:
            shot = FOLDER / "page.png"
            quiet = [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--window-size=1280,1400",
            ]
            subprocess.run(
                [chromium, *quiet, f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True
            )
    print(f"wrote {', '.join(sorted(p.name for p in FOLDER.iterdir()))} into {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

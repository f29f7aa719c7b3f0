"""Draws the pictures of the README and of the gallery: `python -m tests.draw_pictures` (or `make pictures`).

A search on the plane of our own measurements, seed 0, one worker: what it found as a terminal shows it, every kind of figure, and a
law fitted to the same rows; where Chromium is installed, the pages too: of the run, of the fit, and the leaderboard of the app.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from harness import evolve
from harness.cli import main as harness
from harness.pages.figures import KINDS, write_sheet
from harness.pages.view import view_of
from harness.terminal.printing import print_summary
from tables.shown import Screen
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


def shot(chromium: str, address: str, name: str, height: int) -> None:
    """The top of a page as a picture."""
    quiet = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--window-size=1280,{height}",
    ]
    subprocess.run(
        [chromium, *quiet, f"--screenshot={FOLDER / name}", address], check=True, capture_output=True
    )


@contextlib.contextmanager
def serving(runs: Path) -> Iterator[str]:
    """The app on a runs folder; its address."""
    argv = [sys.executable, "-m", "harness", "serve", "--out", str(runs), "--port", "0"]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip().rstrip("/")
    finally:
        server.terminate()
        server.wait(30)


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
        view = view_of(run.path)
        for kind in KINDS:
            write_sheet(view, kind, FOLDER / f"{kind}.svg")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            harness(["fit", "--out", f"{away}/fit"])
        for name in ("isoflop", "allocation", "profiles"):
            shutil.copy(f"{away}/fit/{name}.png", FOLDER / f"fit_{name}.png")
        if chromium := shutil.which("chromium"):
            shot(chromium, (run.path / "report.html").as_uri(), "page.png", 1400)
            shot(chromium, Path(f"{away}/fit/report.html").as_uri(), "fit_page.png", 1300)
            with serving(run.path.parent) as address:
                shot(chromium, f"{address}/leaderboard", "board.png", 700)
    print(f"wrote {', '.join(sorted(p.name for p in FOLDER.iterdir()))} into {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

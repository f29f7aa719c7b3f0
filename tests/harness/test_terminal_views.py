"""What commands show at 80 columns, in a pipe and in folders that can't be written."""

import io
import json
import os

import numpy as np
import pytest

import harness.boards.standings as standings
from harness.commands import leaderboard
from harness.config import Config
from harness.fit import main as fit
from harness.proposers.assignment import Assignment
from harness.run.beginning import start_run
from harness.terminal.counting import counting
from harness.terminal.printing import speed_line
from tables.shown import Screen
from tasks import load
from tasks.cli import main as tasks


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_the_list_of_tasks_is_a_table_at_80_columns(capsys):
    assert tasks(["list", "--data-dir", "nano"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    (row,) = (line.split() for line in out.splitlines() if line.split()[:1] == ["finetune_vocab"])
    assert row[-2:] == ["vocab_size", "nano"] and row[1].isdigit()


def test_a_task_says_once_where_scores_are_from(capsys):
    assert tasks(["show", "moe"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("mean of nine single searches, not pooled") == 1
    assert out.count("its moe score holds one wrong record") == 1
    assert "SLDAgent / GPT-5, all ten runs 0.726 [" in out


def test_a_fit_is_never_written_over_unasked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    N = np.geomspace(1e6, 1e9, 9)
    rows = "\n".join(f"{n:.0f},{1.7 + 400 * n**-0.34:.9f}" for n in N)
    (tmp_path / "mine.csv").write_text(f"N,L\n{rows}\n")
    asked = ["mine.csv", "--law", "E + A*N**-alpha", "--no-plots"]
    assert fit(asked) == 0 and fit([*asked, "--loss", "huber:1e-3"]) == 0
    first, second = (json.loads((tmp_path / f / "fit.json").read_text()) for f in ("fit_mine", "fit_mine_2"))
    assert first["checklist"]["objective"] != second["checklist"]["objective"]
    assert "fit_mine_2" in capsys.readouterr().out
    before = (tmp_path / "fit_mine" / "fit.json").read_bytes()
    assert fit([*asked, "--loss", "huber:1e-3", "--out", "fit_mine"]) == 2
    assert "--force to replace it" in capsys.readouterr().err
    assert (tmp_path / "fit_mine" / "fit.json").read_bytes() == before
    assert fit([*asked, "--loss", "huber:1e-3", "--out", "fit_mine", "--force"]) == 0
    assert (tmp_path / "fit_mine" / "fit.json").read_bytes() != before


def test_a_bar_stands_on_a_terminal_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")  # a dumb one can't be drawn over
    for terminal in (True, False):
        out = io.StringIO()
        with counting(3, Screen(file=out, force_terminal=terminal, width=80)) as tell:
            tell("scoring on sft", 2)
        assert ("2/3" in out.getvalue() and "scoring on sft" in out.getvalue()) is terminal


def unfinished(root):
    assignment = Assignment.of(load("finetune_vocab", data_dir="nano"))
    return start_run(Config(), assignment, root, name="half", programs=[])


def test_a_watched_board_shows_searches_that_go_on_until_ctrl_c(tmp_path, monkeypatch, capsys):
    unfinished(tmp_path)
    rounds = []

    def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert leaderboard.main(["--watch", "3", "--no-programs", "--out", str(tmp_path)]) == 130
    out = capsys.readouterr().out
    assert (
        rounds == [3.0, 3.0] and out.count("not ended") == 2 and "half" in out and "1 unfinished" not in out
    )
    assert max(map(len, out.splitlines())) <= 80


def test_boards_need_no_folder_that_can_be_written(tmp_path, monkeypatch):
    """The cache can't be kept; a journal in write-ahead mode is read without the file that SQLite would make beside it."""
    task = load("finetune_vocab", data_dir="nano")
    (tmp_path / "programs" / task.name).mkdir(parents=True)
    (tmp_path / "programs" / task.name / "mine.py").write_text("x = 1\n")
    score = {
        "broken_rules": [],
        "law": "",
        "heldout": None,
        "validation_r2": None,
        "n_constants": 1,
        "marks": [],
    }
    monkeypatch.setattr(standings, "score_program", lambda *_, **__: score)

    def refuse(path, text):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(standings, "write_atomically", refuse)
    folders = {"root": tmp_path / "programs", "seeds": tmp_path / "seeds"}
    ((found, entry),) = standings.program_entries(task, None, tmp_path / "cache", **folders)
    assert found is score and entry.system == "program mine"
    folder = unfinished(tmp_path / "runs")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with folder.journal(read_only=True) as journal:
        assert journal.meta()["task"] == task.name and journal.counts().evaluations == 0
    assert not list(folder.path.glob("*-shm"))


def test_the_title_of_one_tasks_hindsight_fits():
    from harness.bench.card import Line
    from harness.bench.hindsight import Seen
    from harness.bench.plots import hindsight_panels
    from harness.pages.figures import panel_sheet

    seen = [Seen(f"c{i}", 3, 10.0**-i, 1 - 10.0**-i, i == 2) for i in range(1, 4)]
    figure = panel_sheet(hindsight_panels([Line("a_task_with_a_long_name_" * 4, seen=[seen], ceiling=0.99)]))
    figure.draw_without_rendering()
    title = next(ax for ax in figure.axes if ax.get_title(loc="left"))._left_title
    box = title.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width


def test_scores_read_well_at_80_columns():
    from pathlib import Path

    from harness.commands.scores import print_scores

    card = {"r2": 0.97, "nmse": 0.03, "nmae": 0.1, "log_error": 0.2, "relative_error": 12.3, "per_group": {}}
    score = {
        "task": "data_constrained", "heldout": card, "broken_rules": [], "r2_sd": None, "n_constants": 7, "budget": None,
        "text_numbers": 74, "longest_list": 3, "marks": [], "validation_r2": 0.9, "seconds": 0.5, "note": "",
        "controls": {"last two points in logs": card},
    }  # fmt: skip
    out = io.StringIO()
    print_scores(Path("mine.py"), [score], False, Screen(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(
        "last two points in logs" in line and "1230.00%" in line and "control" in line for line in lines
    )
    assert "7 constants (no limit)" in out.getvalue()


def test_a_run_says_how_near_it_came_to_what_its_sandboxes_can_do():
    summary = {
        "evaluations": 100,
        "seconds": 8.0,
        "sandbox_seconds": 10.0,
        "config": {"evolve": {"workers": 2}},
    }
    assert speed_line(summary) == "12.5 candidates a second; 20.0 is what 2 workers can do at 100 ms each"

"""The evolve command as a user runs it: real processes, files, sandbox and signals; made-up rows."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import real_rows

from harness.commands import evolve, plot, predict, report
from harness.commands import leaderboard as board
from harness.record.journal import Journal
from harness.record.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
STARTERS = ["--config", Path(__file__).with_name("starters.yaml")]
SMALL = [*STARTERS, "--workers", "1", "--evaluations", "10", "--seed", "7"]


def write_rows(folder, seed=0, heldout_seed=None):
    """Rows of the `parallel` task's schema, made from a law with noise; held-out may be noise alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, E in (("stack", 0.7), ("pile", 1.2)):
        for N in (5e8, 1e9, 2e9, 4e9):
            for P in (1, 2, 4, 8):
                loss = E + 40 * (N * (0.4 * np.log(P) + 1)) ** -0.2 + 1e-3 * rng.normal()
                rows.append((N, P, group, loss))
    table = pd.DataFrame(rows, columns=["num_params", "parallel_size", "group", "loss"])
    test = table[table.parallel_size == 8].copy()
    if heldout_seed is not None:
        test["loss"] = np.random.default_rng(heldout_seed).normal(size=len(test))
    place = folder / "parallel_scaling_law"
    place.mkdir(parents=True)
    table[table.parallel_size < 8].to_csv(place / "train.csv", index=False)
    test.to_csv(place / "test.csv", index=False)
    return folder


@pytest.fixture(autouse=True, scope="module")
def no_page():
    """Pages have tests of their own; to draw one costs as much as a small search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.commands.evolving.end_page", lambda folder: "page: not drawn")
        yield


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("data") / "rows")


@pytest.fixture(scope="module")
def done(rows, tmp_path_factory):
    """The summary of one small run that has ended; copy its folder before you change it."""
    out, said = tmp_path_factory.mktemp("done"), io.StringIO()
    with contextlib.redirect_stdout(said):
        args = ["--task", "parallel", "--data-dir", rows, "--out", out, *SMALL, "--json"]
        assert evolve.main([str(a) for a in args]) == 0
    return json.loads(said.getvalue())


def command(*args):
    env = {**os.environ, "SLD_OFFLINE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "harness.evolve", *map(str, args)],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def evolve_json(capsys, *args):
    code = evolve.main([*map(str, args), "--json"])
    return code, json.loads(capsys.readouterr().out)


def exported(run):
    out = io.StringIO()
    with Journal(Path(run) / "journal.sqlite", read_only=True) as journal:
        journal.export(out)
    return out.getvalue()


def evaluations(text):
    return [line for line in text.splitlines() if '"kind":"evaluation"' in line]


def test_a_run_ends_with_a_law_and_its_held_out_score(done):
    s = done
    assert s["task"] == "parallel" and s["evaluations"] == 10 and not s["data"]["simulated"]
    assert s["heldout"]["n_rows"] == 8 and set(s["heldout"]["per_group"]) == {"stack", "pile"}
    assert s["heldout"]["r2"] == pytest.approx(1 - s["heldout"]["nmse"])
    assert len(s["controls"]) >= 5
    assert set(s["constants"]) == {"stack", "pile"}
    run = Path(s["path"])
    assert {"config.yaml", "journal.sqlite", "best_program.py", "summary.json"} <= {
        p.name for p in run.iterdir()
    }
    with Journal(run / "journal.sqlite", read_only=True) as journal:
        kinds = [k for k, _, _ in journal.events()]
    assert kinds == ["started", "finished", "reveal", "revealed"]


def test_the_sealed_room_opens_once_whatever_happens_after(rows, done, tmp_path, capsys):
    s, run = done, tmp_path / "runs" / Path(done["path"]).name
    shutil.copytree(done["path"], run)
    (run / "summary.json").unlink()  # as when killed between the opening and the summary
    _, again = evolve_json(capsys, "--resume", run, "--data-dir", rows)
    with Journal(run / "journal.sqlite", read_only=True) as journal:
        kinds = [k for k, _, _ in journal.events()]
    assert kinds.count("reveal") == kinds.count("revealed") == 1
    for part in (
        "law",
        "heldout",
        "forecast",
        "forecast_coverage",
        "controls",
        "constants",
        "marks",
        "noise_ceiling_r2",
    ):
        assert again[part] == s[part], part


def test_the_journal_repeats_and_knows_nothing_of_held_out_targets(done, tmp_path, capsys):
    """The second run differs from the first in its held-out targets alone, which are noise."""
    noise = write_rows(tmp_path / "noise", heldout_seed=1)
    code, other = evolve_json(
        capsys, "--task", "parallel", "--data-dir", noise, "--out", tmp_path / "runs", *SMALL
    )
    assert code == 0
    first, blind = (exported(s["path"]) for s in (done, other))
    assert first == blind, "a seed does not repeat, or held-out targets reached the search"
    assert done["heldout"]["nmse"] != other["heldout"]["nmse"], "the noise was scored"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_real_rows_repeat_and_stay_unseen_too(tmp_path, capsys):
    """The same on the benchmark's own rows of the main task, with task seeds and a hundred evaluations."""
    real = real_rows.needed("SLD_DATA_DIR", "vocab_scaling_law") / "vocab_scaling_law"
    blind = tmp_path / "noise" / "vocab_scaling_law"
    blind.mkdir(parents=True)
    (blind / "train.csv").write_bytes((real / "train.csv").read_bytes())
    test = pd.read_csv(real / "test.csv")
    noise = np.random.default_rng(3).normal(size=len(test))
    test.assign(unigram_normalized_loss=noise).to_csv(blind / "test.csv", index=False)
    args = (
        "--task",
        "finetune_vocab",
        "--workers",
        "1",
        "--evaluations",
        "100",
        "--seed",
        "1",
        "--minutes",
        "9",
    )
    runs = [
        evolve_json(capsys, *args, "--data-dir", d, "--out", tmp_path / "runs")[1]
        for d in (real.parent, real.parent, blind.parent)
    ]
    first, second, unseen = (exported(s["path"]) for s in runs)
    assert first == second == unseen
    assert runs[0]["heldout"]["r2"] > 0.9 > runs[2]["heldout"]["r2"]


def test_killed_a_run_resumes_where_it_was(rows, done, tmp_path, capsys):
    expected = evaluations(exported(done["path"]))
    out = tmp_path / "killed"
    process = command("--task", "parallel", "--data-dir", rows, "--out", out, *SMALL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        journals = list(out.glob("*/journal.sqlite"))
        if journals and len(evaluations(exported(journals[0].parent))) >= 4:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (journal,) = out.glob("*/journal.sqlite")
    kept = evaluations(exported(journal.parent))
    assert len(kept) >= 4 and kept == expected[: len(kept)], "a finished evaluation was lost or changed"
    code, resumed = evolve_json(capsys, "--resume", journal.parent, "--out", out)
    assert code == 0 and evaluations(exported(journal.parent)) == expected
    assert resumed["law"] == done["law"] and resumed["heldout"] == done["heldout"]


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(rows, tmp_path):
    out = tmp_path / "runs"
    process = command(
        "--task",
        "parallel",
        "--data-dir",
        rows,
        "--out",
        out,
        *STARTERS,
        "--evaluations",
        "5000",
        "--minutes",
        "5",
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        journals = list(out.glob("*/journal.sqlite"))
        if journals and len(evaluations(exported(journals[0].parent))) >= 3:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    (journal,) = out.glob("*/journal.sqlite")
    assert f"--resume {journal.parent}" in stdout.replace("\n", "")
    with Journal(journal, read_only=True) as j:
        assert [k for k, _, _ in j.events()] == ["started", "interrupted"]
        assert not (journal.parent / "summary.json").exists(), "the held-out rows stay sealed"


def fails(capsys, *args):
    code = evolve.main([str(a) for a in args])
    captured = capsys.readouterr()
    assert code == 2
    assert len(captured.err.strip().splitlines()) == 1, captured.err
    assert "Traceback" not in captured.err
    return captured.err


def test_bad_input_gets_one_clear_line(rows, tmp_path, capsys):
    out = tmp_path / "runs"
    common = ["--data-dir", rows, "--out", out]
    assert "finetune_vocab" in fails(capsys, "--task", "finetune_vocabb", *common)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("evolve:\n  evaluatoins: 3\n")
    assert "evolve.evaluatoins: unknown key; did you mean 'evaluations'" in fails(
        capsys, "--config", wrong, *common
    )
    free = tmp_path / "free.py"
    free.write_text("def fit_scaling_law(data_points, loss_values): return [0.0]\n")
    assert "no_evolve_block" in fails(capsys, "--task", "parallel", "--seed-program", free, *common)
    free.write_text("# EVOLVE-BLOCK-START\ndef f(:\n# EVOLVE-BLOCK-END\n")
    assert "syntax_error" in fails(capsys, "--task", "parallel", "--seed-program", free, *common)
    assert "missing.py" in fails(
        capsys, "--task", "parallel", "--seed-program", tmp_path / "missing.py", *common
    )
    assert "no run 'nowhere'" in fails(capsys, "--resume", "nowhere", *common)
    assert not out.exists() or not list(out.iterdir()), "no half-made run is left behind"


def test_a_run_of_another_task_or_other_rows_is_not_resumed(rows, tmp_path, capsys):
    out = tmp_path / "runs"
    _, s = evolve_json(
        capsys, "--task", "parallel", "--data-dir", rows, "--out", out, *SMALL, "--evaluations", "1"
    )
    (Path(s["path"]) / "summary.json").unlink()
    assert "is of task 'parallel'" in fails(capsys, "--resume", s["path"], "--task", "finetune_vocab")
    other = write_rows(tmp_path / "other", seed=5)
    assert "began on training rows" in fails(capsys, "--resume", s["path"], "--data-dir", other)
    assert "can't be changed" in fails(capsys, "--resume", s["path"], "--seed", "3", "--data-dir", rows)
    folder = RunFolder(Path(s["path"]))
    folder.lock()
    assert "another process" in fails(capsys, "--resume", s["path"], "--data-dir", rows)
    folder.unlock()
    code, again = evolve_json(capsys, "--resume", s["path"], "--data-dir", rows)
    assert code == 0 and again["heldout"] == s["heldout"]


def test_our_own_measurements_are_called_so_on_every_screen(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SLD_OFFLINE", "1")
    monkeypatch.delenv("SLD_DATA_DIR", raising=False)
    monkeypatch.setenv("SLD_CACHE_DIR", str(tmp_path / "cache"))
    options = ["--task", "finetune_vocab", *map(str, STARTERS), "--evaluations", "2", "--workers", "1"]
    code = evolve.main([*options, "--out", str(tmp_path / "runs")])
    captured = " ".join(capsys.readouterr().out.split())
    assert code == 0
    before, _, after = captured.partition("opening the held-out rows")
    assert "rows from nano" in before and "our own measurements" in before
    assert "our own measurements" in after
    assert "published scores are not shown" in captured
    assert "GPT-5" not in captured


def test_where_choosing_had_no_time_for_one_law_the_leader_is_the_law_and_there_is_no_forecast(
    rows, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("harness.run.budget.Budget.choosing_s", 0.0)
    monkeypatch.setattr("harness.run.budget.Budget.grace_s", 0.0)
    code = evolve.main(
        [str(a) for a in ("--task", "parallel", "--data-dir", rows, "--out", tmp_path, *SMALL)]
    )
    said = capsys.readouterr().out
    assert code == 0 and "no law could be looked at in the time of choosing" in said
    (run,) = (p for p in tmp_path.iterdir() if p.is_dir())
    summary = json.loads((run / "summary.json").read_text())
    assert summary["heldout"]["n_rows"] == 8 and summary["forecast"] is None and summary["voters"] == []
    with Journal(run / "journal.sqlite", read_only=True) as journal:
        kinds = [k for k, _, _ in journal.events()]
    assert kinds == ["started", "finished", "reveal", "revealed"]
    assert board.main(["--out", str(tmp_path), "--no-programs"]) == 0
    assert report.main([str(run), "--data-dir", str(rows)]) == 0
    where = ["--data-dir", str(rows), "--out"]
    assert plot.main([str(run), "--kind", "scores", *where, str(tmp_path / "f.pdf")]) == 0
    assert plot.main([str(run), "--kind", "data", *where, str(tmp_path / "f.pdf")]) == 2
    at = ["--at", "num_params=1e9,parallel_size=8,group=stack"]
    assert predict.main([str(run), "--data-dir", str(rows), *at]) == 2
    assert "has no forecast" in capsys.readouterr().err

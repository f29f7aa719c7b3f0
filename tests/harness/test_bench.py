"""The report card from real runs on made-up rows: resumed, nested, and read back."""

import contextlib
import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from suites import STARTERS, run_suite

from harness.bench.beside import in_threads
from harness.bench.card import Line, gather, markdown
from harness.bench.hindsight import look_back, read
from harness.bench.suite import Cell, cells
from harness.choosing.law import law_order
from harness.errors import BadRun
from harness.record.run_folder import RunFolder
from harness.search.candidate import searched_id
from tasks import load


def test_a_card_counts_every_run_and_goes_on_where_it_was(suite):
    out = suite
    page = (out / "README.md").read_text()
    assert "| parallel | 2 |" in page
    assert "SLDAgent" not in page, "these are not the official rows"
    with (out / "runs.csv").open(newline="") as lines:
        table = list(csv.DictReader(lines))
    assert len(table) == 4, "random laws among them"
    table = [row for row in table if row["proposer"] == "formula"]
    assert [row["seed"] for row in table] == ["0", "1"]
    assert all(row["train_hash"] and row["law"] for row in table)
    with (out / "groups.csv").open(newline="") as lines:
        groups = [row for row in csv.DictReader(lines) if row["seed"] == "1"]
    assert len({row["group"] for row in groups}) == len(groups) > 1
    assert all(float(row["heldout_r2"]) <= 1 for row in groups if row["heldout_r2"])
    settings = yaml.safe_load((out / "config.yaml").read_text())
    assert settings["tasks"]["parallel"]["train"] == table[0]["train_hash"] and settings["seeds"] == 2
    seen = read(RunFolder(out / "parallel-formula-s1"))
    assert len(seen) >= 4 and sum(s.chosen for s in seen) == 1
    chosen = next(s for s in seen if s.chosen)
    winner = RunFolder(out / "parallel-formula-s1").summary()["candidate"]
    if winner == chosen.candidate:
        assert chosen.heldout_r2 == pytest.approx(float(table[1]["heldout_r2"]), abs=1e-6)
    else:
        assert winner.startswith(f"{chosen.candidate}e"), "a refit is marked at its law"
    assert (out / "hindsight.png").stat().st_size > 5000
    whole = (out / "report.html").read_text()
    assert whole.count('class="figure"') == 2 and "<math>" in whole and "c0" not in page, (
        "laws have readable names"
    )


def test_runs_beside_each_other_are_the_same_runs(suite_rows, suite, tmp_path, capsys):
    assert run_suite(suite_rows, tmp_path / "two", "--seeds", "1", "--jobs", "2", "--no-hindsight") == 0
    assert capsys.readouterr().err.count("evaluations,") == 2
    for name in ("parallel-formula-s0", "parallel-random-s0"):
        one, two = ((out / name / "best_program.py").read_text() for out in (suite, tmp_path / "two"))
        assert one == two
    assert (suite / "runs.csv").read_text().splitlines()[0].startswith("task,proposer,seed")


@pytest.mark.parametrize("how", [pytest.param(signal.SIGKILL, marks=pytest.mark.slow), signal.SIGINT])
def test_jobs_stopped_leave_runs_that_go_on(suite_rows, tmp_path, how):
    out = tmp_path / "bench"
    process, journals = begun(suite_rows, out)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL)
    until(lambda: not alive(process.pid))
    for journal in journals:
        folder = RunFolder(journal.parent)
        folder.lock()  # refused while a worker lives on
        assert folder.summary() is None and n_evaluated(journal) > 1
        folder.unlock()


def killed(cell, config, suite, stopping):
    """In the place of a run: what the system does to a process that asks for too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_killed_ends_the_suite_with_one_line(suite_rows, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("harness.bench.suite.carry_out", killed)
    assert run_suite(suite_rows, tmp_path / "bench", "--jobs", "2") == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: a run's process was ended from outside")
    assert "Traceback" not in said


def test_the_runs_of_a_cluster_share_one_view_and_stop_together():
    """In threads: each that ends gives its line; after a wish to stop, or a fault, none begins."""
    started, told = [], []

    def work(name, stopping):
        started.append(name)
        if name == "fault":
            raise BadRun("a fault")
        return None if stopping() else f"{name} ended"

    in_threads([("a",), ("b",)], work, 2, lambda: False, told.append)
    assert sorted(told) == ["a ended", "b ended"]
    with pytest.raises(BadRun, match="a fault"):
        in_threads([("fault",), ("c",)], work, 1, lambda: False, told.append)
    assert started[2] == "fault" and len(told) == 2

    def waits(name, stopping):
        while not stopping():
            time.sleep(0.01)
        told.append(f"{name} was stopped")

    told.clear()
    in_threads([("one",), ("two",)], waits, 1, lambda: True, told.append)
    assert told == ["one was stopped"], "it was told, and the other did not begin"


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_takes_the_others_with_it(suite_rows, tmp_path):
    process, _ = begun(suite_rows, tmp_path / "bench")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [p for p in children if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes()]
    os.kill(int(workers[0]), signal.SIGKILL)
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 2 and "ended from outside" in said.splitlines()[-1]
    until(lambda: not alive(process.pid))


def begun(rows, out):
    """A suite of two jobs under way, in a session of its own, and the journals of its first runs."""
    options = [
        "--suite",
        "parallel",
        "--seeds",
        "2",
        "--evaluations",
        "400",
        "--workers",
        "1",
        "--jobs",
        "2",
        *STARTERS,
    ]
    command = [sys.executable, "-m", "harness.bench", *options, "--data-dir", str(rows), "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    journals = [out / f"parallel-{p}-s0" / "journal.sqlite" for p in ("formula", "random")]
    until(lambda: all(j.exists() and n_evaluated(j) > 1 for j in journals))
    return process, journals


def n_evaluated(path):
    with RunFolder(path.parent).journal(read_only=True) as journal:
        return len(list(journal.evaluations()))


def until(true, seconds=240):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)


def alive(session):
    """Whether a process of this session is left."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                return True
    return False


def test_a_suite_begun_with_other_settings_is_refused(suite_rows, suite, tmp_path, capsys):
    out = tmp_path / "bench"
    shutil.copytree(suite, out)
    assert run_suite(suite_rows, out, "--evaluations", "9") == 2
    assert "another config" in capsys.readouterr().err


def test_stored_searches_are_chosen_from_again_by_other_rules(
    suite_rows, suite, tmp_path, capsys, monkeypatch
):
    first, same, other = tmp_path / "first", tmp_path / "same", tmp_path / "other"
    shutil.copytree(suite, first)
    once = ("--seeds", "1", "--no-random")
    assert run_suite(suite_rows, same, *once, "--no-hindsight", "--choose-again", str(first)) == 0
    assert run_suite(suite_rows, same, *once, "--no-hindsight", "--choose-again", str(first)) == 0, (
        "goes on where it was"
    )
    # another rule: the law farthest from the forecast
    monkeypatch.setattr("harness.choosing.choice.law_order", lambda *given: law_order(*given)[::-1])
    assert run_suite(suite_rows, other, *once, "--choose-again", str(first)) == 0
    name = "parallel-formula-s0"
    chosen, again, plain = (RunFolder(out / name).summary() for out in (first, same, other))
    assert chosen["candidate"] == again["candidate"] != plain["candidate"]
    assert all(n_evaluated(out / name / "journal.sqlite") == 6 for out in (first, same, other))
    with RunFolder(other / name).journal(read_only=True) as journal:
        assert [facts["winner"] for _, facts, _ in journal.events("chosen again")] == [plain["candidate"]]
    assert [s.candidate for s in read(RunFolder(other / name)) if s.chosen] == [
        searched_id(plain["candidate"])
    ]
    assert "--choose-again DIR" in (other / "README.md").read_text()
    assert RunFolder(first / name).summary() == chosen


def test_searches_that_have_not_ended_are_not_chosen_from(suite_rows, tmp_path, capsys):
    assert run_suite(suite_rows, tmp_path / "b", "--choose-again", str(tmp_path / "a")) == 2
    assert "expected a run that has ended" in capsys.readouterr().err
    assert run_suite(suite_rows, tmp_path / "b", "--choose-again", str(tmp_path / "b")) == 2
    assert "the same folder" in capsys.readouterr().err


def test_a_nested_card_leaves_the_held_out_rows_shut(suite_rows, nested_suite):
    real = load("parallel", data_dir=str(suite_rows))
    page = (nested_suite / "README.md").read_text()
    assert "in place of the held-out rows" in page
    assert real.provenance.heldout_hash not in page
    assert (
        real.provenance.heldout_hash
        not in (nested_suite / "parallel-formula-s0" / "summary.json").read_text()
    )


def test_a_winner_fitted_again_is_marked_at_the_law_that_it_is_a_refit_of(tmp_path):
    lines = ["candidate,n_constants,validation_nmse,heldout_r2", "c000001,3,0.1,0.5", "c000002,3,0.2,0.4"]
    (tmp_path / "hindsight.csv").write_text("\n".join(lines))
    for candidate in ("c000002e2", "c000002"):
        (tmp_path / "summary.json").write_text(json.dumps({"candidate": candidate}))
        assert [s.candidate for s in read(RunFolder(tmp_path)) if s.chosen] == ["c000002"]


def test_hindsight_waits_for_the_end(suite_rows, tmp_path):
    from harness.config import Config
    from harness.proposers.assignment import Assignment
    from harness.run.beginning import start_run

    task = load("parallel", data_dir=str(suite_rows))
    folder = start_run(Config(), Assignment.of(task), tmp_path, "begun")
    with pytest.raises(Exception, match="has not ended"):
        look_back(RunFolder(folder.path), task, 1)


def test_a_failed_run_counts_as_minus_one(suite_rows):
    task = load("parallel", data_dir=str(suite_rows))
    summary = {
        "data": {"train_hash": "a", "heldout_hash": "b", "note": ""}, "law": None, "heldout": None,
        "seconds": 60.0, "evaluations": 5,
    }  # fmt: skip
    (line,) = gather([(Cell("parallel", "formula", 0), summary)], {"parallel": task})
    assert line.r2 == [-1.0] and math.isnan(line.validation[0])
    assert "none kept every rule" in markdown([line], ["about"])
    assert isinstance(line, Line)


def test_seeds_are_the_outermost_loop():
    assert [c.name for c in cells(["a", "b"], ("formula",), 2)] == [
        "a-formula-s0", "b-formula-s0", "a-formula-s1", "b-formula-s1",
    ]  # fmt: skip

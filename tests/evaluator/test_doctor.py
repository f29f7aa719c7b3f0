"""The doctor tells the truth, also on a machine that lacks layers."""

from __future__ import annotations

import json
import time

import pytest

from evaluator import doctor


@pytest.fixture
def few(monkeypatch):
    """The attacks that need no waiting."""
    every = doctor.attacks
    monkeypatch.setattr(doctor, "attacks", lambda *a: [x for x in every(*a) if x.area != "time"])


def test_everything_is_contained_here_in_under_ten_seconds(capsys):
    started = time.monotonic()
    code = doctor.main(["--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == 0, [f for f in said["findings"] if not f["contained"]]
    assert len(said["findings"]) >= 25
    assert {f["area"] for f in said["findings"]} >= {
        "time",
        "memory",
        "files",
        "processes",
        "network",
        "answer",
        "channels",
        "clocks",
    }
    assert said["level"].startswith("process, rlimits")
    assert said["seconds"] <= time.monotonic() - started


def test_a_missing_layer_is_named_and_what_breaks_is_shown(few, capsys):
    assert doctor.main(["--without", "landlock", "--without", "seccomp"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("sandbox: WEAK: process, rlimits")
    assert "BROKE  files      read a file of labels" in said
    assert "no     Landlock" in said
    assert "container or a virtual machine" in said


def test_one_layer_less_is_told_and_still_holds(few, capsys):
    assert doctor.main(["--without", "namespaces"]) == 0
    said = capsys.readouterr().out
    assert "no     namespaces         without it: nothing that the layers above do not hold too" in said
    assert "24 of 24 attacks contained" in said


def test_a_sandbox_that_does_not_start_has_its_own_exit_code(monkeypatch, capsys):
    monkeypatch.setattr("evaluator.sandbox.host.sys.executable", "/nonexistent/python")
    assert doctor.main([]) == 3
    assert "did not start" in capsys.readouterr().err

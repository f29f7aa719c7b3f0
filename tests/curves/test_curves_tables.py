"""The table commands: what they print, their JSON, and what they say to wrong input."""

import json

import pytest

from harness.curves import main
from harness.curves.ours import NOTE, our_curves
from tasks import nano


@pytest.fixture
def table(tmp_path, make_runs, seed):
    path = tmp_path / "runs.csv"
    lines = ["run,tau,loss,mix,lr_factor,math_fraction,flops"]
    for c in make_runs(seed, runs=12):
        head = f"{c.labels['mix']},{c.labels['lr_factor']},{c.labels['math_fraction']},{c.C}"
        lines += [f"{c.run},{t},{y},{head}" for t, y in zip(c.progress, c.loss, strict=True)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return [
        "--csv",
        str(path),
        "--column",
        "run=run",
        "--column",
        "C=flops",
        "--labels",
        "mix,lr_factor,math_fraction",
    ]


def test_backtest_prints_errors_and_the_map(table, capsys):
    asked = [
        "backtest",
        *table,
        "--prefixes",
        "0.5,0.9",
        "--methods",
        "power_huber,log_huber,last_value",
        "--workers",
        "1",
    ]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "Endpoint error" in text and "Best form" in text and "last_value" in text
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["by_method"]) == 6 and len(found["predictions"]) == 72


def test_search_says_which_pairs_meet_the_target_and_when_none_does(table, capsys):
    asked = [
        "search",
        *table,
        "--prefixes",
        "0.9",
        "--methods",
        "power_huber",
        "--workers",
        "1",
        "--regime",
        "mix=a",
    ]
    assert main([*asked, "--target", "0.05", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["regime"][0]["score"]["n"] == 6 and found["all runs"][0]["score"]["n"] == 12
    assert main([*asked, "--target", "1e-9"]) == 0
    assert "mix=a: no pair meets it" in capsys.readouterr().out


def test_joint_intervals_and_replay_print_json(table, capsys):
    assert main(["joint", *table, "--scope", "global", "--terms", "lr_factor,log_C", "--form", "exp_drift", "--prefixes", "0.5", "--json"]) == 0  # fmt: skip
    (found,) = json.loads(capsys.readouterr().out)
    assert found["points"] == 12 * 15 and len(found["predictions"]) == 12
    assert main(["intervals", *table, "--prefixes", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["runs"] == 12
    assert main(["replay", *table, "--prefixes", "0.5", "--by", "C"]) == 0
    assert "compute saved" in capsys.readouterr().out


def test_laws_of_the_public_set(curve_sets, capsys):
    assert main(["laws", "--data", str(curve_sets), "--at", "1e22", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cutoff"] == 3e20 and len(found["laws"]) == 12 and len(found["held_out"]) == 23
    assert any("over-predicts" in line for line in found["remarks"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--where", "mix"], "expected LABEL=VALUE"),
        (["--where", "mix=z"], "none of 12 runs has mix=z"),
        (["--column", "los=x"], "expected NAME=COL"),
        (["--methods", "cubic_mae"], "expected one of"),
    ],
)
def test_wrong_input_is_one_clear_line(table, wrong, message, capsys):
    assert main(["backtest", *table, *wrong, "--workers", "1"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


OURS = [
    (["laws"], "cosine"),
    (["joint", "--scope", "global", "--form", "power_drift"], "decay, log_C"),
    (["replay", "--prefixes", "0.5"], "Stop or continue"),
    (["backtest", "--prefixes", "0.5", "--methods", "last_value,template_by_mix", "--workers", "1"], "template_by_mix"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "words"), OURS, ids=[a[0] for a, _ in OURS])
def test_without_data_commands_read_our_own_measurements_and_say_so(asked, words, monkeypatch, capsys):
    monkeypatch.delenv("SLD_CURVES_DIR", raising=False)
    assert main(asked) == 0
    out = capsys.readouterr()
    assert words in out.out and out.err == f"{NOTE}\n"


def test_our_curves_end_at_the_losses_of_their_runs():
    curves = our_curves()
    runs = {
        name: float(loss)
        for name, loss in zip(*(nano.runs("schedule")[c] for c in ("id", "loss")), strict=True)
    }
    assert len(curves) == 24 and all(c.complete is True and c.n >= 12 and c.progress[-1] == 1 for c in curves)
    # points of a curve use every eighth sequence of what the loss is measured on
    assert all(abs(c.final - runs[c.run]) < 0.1 for c in curves)
    assert {c.rate.kind for c in curves} == {"constant", "decay to zero", "late decay"}


def test_a_public_set_asked_for_without_its_folder_says_what_to_give(monkeypatch, capsys):
    monkeypatch.delenv("SLD_CURVES_DIR", raising=False)
    assert main(["backtest", "--set", "speedrun"]) == 2
    assert "give --data DIR" in capsys.readouterr().err

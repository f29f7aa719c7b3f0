"""`harness predict`: a run forecasts new rows; wrong rows are named. Seeds are in the tests."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from evaluator import BadEvaluation, Failed, Failure, opened
from evaluator.metric import score
from harness.commands.evolve import main as evolve
from harness.commands.predict import main as predict
from harness.record.run_folder import RunFolder
from harness.run.forecasting import Forecast, Forecaster, forecast_at
from harness.run.traces import read_traces
from harness.run.tracing import traces_of
from tasks import load
from tasks.cli import main as tasks


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run of a user's table: two groups, one law each."""
    root = tmp_path_factory.mktemp("predict")
    rng = np.random.default_rng(5)
    lines = ["N,arm,L"]
    for arm, floor in (("wide", 2.0), ("deep", 1.8)):
        for N in np.geomspace(1e6, 1e9, 12):
            lines.append(f"{N:.0f},{arm},{floor + 80 * N**-0.3 + 1e-3 * rng.normal():.6f}")
    (root / "table.csv").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLD_TASKS_DIR", str(root / "tasks"))
        add = [
            "add",
            str(root / "table.csv"),
            "--name",
            "mine",
            "--features",
            "N",
            "--target",
            "L",
            "--group",
            "arm",
        ]
        assert tasks([*add, "--extrapolate", "N"]) == 0
        options = ["--task", "mine", "--evaluations", "6", "--workers", "1", "--allow-weak-sandbox"]
        assert evolve([*options, "--out", str(root / "runs")]) == 0
        (folder,) = (root / "runs").iterdir()
        yield folder


def test_rows_are_forecast_with_an_interval_the_law_and_the_distance(run, capsys):
    options = [str(run), "--at", "N=2e9", "--at", "N=1e12", "--group", "deep", "--allow-weak-sandbox"]
    assert predict([*options, "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    near, far = tree["rows"]
    for row in (near, far):
        (said,) = row["targets"].values()
        assert said["low"] < said["forecast"] < said["high"] and said["law"] > 0
    assert near["targets"]["L"]["forecast"] == pytest.approx(1.8 + 80 * 2e9**-0.3, rel=0.02)
    assert far["distance"] > 0.6 > near["distance"] > 0
    width = [row["targets"]["L"]["high"] - row["targets"]["L"]["low"] for row in (near, far)]
    assert width[1] > width[0]
    assert "promises nothing" in tree["warnings"][0]


def test_the_same_as_a_function_and_as_a_table_for_people(run, capsys, tmp_path):
    found = forecast_at(run, np.array([[2e9], [2e9]]), np.array(["wide", "deep"]), weak=True)
    assert isinstance(found, Forecast) and found.values.shape == (2, 1)
    assert "validation folds flatter" in found.warnings[0]
    assert found.values[0, 0] > found.values[1, 0]
    rows = tmp_path / "new.csv"
    rows.write_text("arm,N\nwide,2e9\n")
    assert predict([str(run), "--rows", str(rows), "--allow-weak-sandbox"]) == 0
    out = capsys.readouterr().out
    assert "wide" in out and "forecast" in out and f"{found.values[0, 0]:.5g}" in out


def test_a_run_keeps_what_its_page_draws_and_its_page(run):
    summary = json.loads((run / "summary.json").read_text())
    held = read_traces(run).heldout
    error = score(held.y, held.forecast, held.group).r2
    assert error == pytest.approx(summary["forecast"]["r2"], rel=1e-12), "the same forecast as was revealed"
    assert score(held.y, held.law, held.group).r2 == pytest.approx(summary["heldout"]["r2"], rel=1e-9)
    assert ((held.low <= held.y) & (held.y <= held.high)).mean() == summary["forecast_coverage"]
    laws = json.loads((run / "shortlist.json").read_text())["laws"]
    assert sum(law["say"] for law in laws) == pytest.approx(1) and summary["candidate"] in {
        law["id"] for law in laws
    }
    assert "Beyond the rows" in (run / "report.html").read_text()


def test_traces_that_are_missing_are_gathered_again_and_say_the_same(run):
    before = read_traces(run)
    (run / "traces.npz").unlink()
    again = traces_of(RunFolder(run), weak=True)
    np.testing.assert_allclose(again.heldout.forecast, before.heldout.forecast, rtol=1e-9)
    assert (run / "traces.npz").exists()


def test_held_out_rows_are_drawn_for_the_search_that_was_revealed_on_them_alone(run):
    with pytest.raises(BadEvaluation, match="the report is of held-out rows other"):
        opened(load("mine"), {"heldout_hash": "other"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give either --at"),
        (("--at", "N=2e9"), "has 2 groups; give one for each row: wide, deep"),
        (("--at", "N=2e9", "--group", "tall"), "group 'tall' has no training rows"),
        (("--at", "M=2e9", "--group", "deep"), "'M' is no feature; features are N"),
        (("--at", "N=many", "--group", "deep"), "N: expected a number, got 'many'"),
    ],
)
def test_wrong_rows_are_named(run, options, words, capsys):
    assert predict([str(run), *options, "--allow-weak-sandbox"]) == 2
    assert words in capsys.readouterr().err


def test_a_run_without_a_forecast_says_so(run, tmp_path, capsys):
    import shutil

    old = tmp_path / run.name
    shutil.copytree(run, old)
    (old / "forecast.json").unlink()
    assert predict([str(old), "--at", "N=2e9", "--group", "deep"]) == 2
    assert "this run has no forecast" in capsys.readouterr().err


def test_rows_asked_ahead_are_answered_without_another_call_and_one_by_one_where_that_failed():
    calls = []

    class Counted:
        """The law "b" has no number where three rows are asked."""

        def fit_rows(self, text, spec, train):
            return {"g": np.ones(1)}

        def predict_rows(self, text, spec, train, constants, X, group):
            calls.append((text, len(X)))
            return Failed(Failure.NOT_FINITE, "too far") if text == "b" and len(X) == 3 else 2 * X[:, :1]

    ground = SimpleNamespace(spec=None, train=SimpleNamespace(y=np.zeros((4, 1))))
    forecaster = Forecaster(ground, None, ["a", "b"], "a", Counted())
    X, group = np.arange(6.0).reshape(3, 2), np.array(["g"] * 3)
    forecaster.ask_ahead(X, group)
    assert sorted(calls) == [("a", 3), ("b", 3)]
    assert np.array_equal(forecaster.answer("a", X[1:], group[1:]), 2 * X[1:, :1])
    assert np.array_equal(forecaster.answer("b", X[:2], group[:2]), 2 * X[:2, :1])
    assert calls[2:] == [("b", 2)]
    assert np.array_equal(forecaster.answer("a", X + 1, group), 2 * (X[:, :1] + 1))
    assert calls[3:] == [("a", 3)]


def test_a_forecast_of_before_there_were_methods_still_answers(run, tmp_path):
    import json
    import shutil

    old = tmp_path / run.name
    shutil.copytree(run, old)
    tree = json.loads((old / "forecast.json").read_text())
    panel = tree["panel"]
    assert sum(panel.pop("shares").values()) == pytest.approx(1.0)
    panel |= {"line_weight": 0.25, "line_errors": dict.fromkeys(panel["errors"], 0.1)}
    panel.pop("part_errors")
    (old / "forecast.json").write_text(json.dumps({**tree, "version": 1}))
    asked = np.array([[2e9]]), np.array(["deep"])
    now, then = (forecast_at(folder, *asked, weak=True) for folder in (run, old))
    assert now.values != then.values and now.law_values == then.law_values
    assert then.values == pytest.approx(now.values, rel=0.2)

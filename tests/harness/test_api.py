"""The harness from Python: tables in, runs out, an interrupt that leaves a run, exports with the program's values. Seeds are in the tests."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness import Interrupted, add_task, evolve, leaderboard, load_run, predict, score
from harness.api.formula import Formula
from harness.api.progress import Board, NotebookScreen, watcher_for
from harness.errors import BadOption, BadRun
from harness.run.run import Watcher
from tasks import BadSpec, BadTable, user_names

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"evaluations": 8, "workers": 1, "progress": False, "allow_weak_sandbox": True}


def table():
    """Two arms of losses that fall with N; seed 5."""
    rng, rows = np.random.default_rng(5), []
    for arm, floor in (("wide", 2.0), ("deep", 1.8)):
        rows += [(N, arm, floor + 80 * N**-0.3 + 1e-3 * rng.normal()) for N in np.geomspace(1e6, 1e9, 12)]
    return pd.DataFrame(rows, columns=["N", "arm", "loss"])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLD_TASKS_DIR", str(root / "tasks"))
        yield root


@pytest.fixture(scope="module")
def run(place):
    """A short run of the table, with a notebook's bar that is kept as text."""

    shown = []

    class Kept(Board):
        def show(self, text):
            shown.append(text)

    found = evolve(
        table(), ["N"], "loss", "N", group="arm", out=place / "runs",
        **{**SMALL, "progress": NotebookScreen(Kept(), clock=iter(range(10_000)).__next__)},
    )  # fmt: skip
    found.bar = shown
    return found


def test_a_run_says_its_law_and_what_came_of_it(run):
    assert run.finished and run.law.startswith("E + A*") and "**-(-" not in run.law
    assert run.constants.shape[0] == 2 and run.constants.index.name == "arm"
    assert run.scores.loc["law", "r2"] > 0.5
    assert "def fit_scaling_law" in run.program
    frame = run.to_frame()
    assert len(frame) == 8 and frame["validation_error"].notna().any() and frame.index[0] == "c000000"
    assert run.law in repr(run)


def test_a_notebook_gets_a_bar_and_a_table(run):
    assert "<progress" in run.bar[0] and "8 evaluations" in run.bar[-1]
    text = run._repr_html_()
    assert "<table" in text and run.latex().replace("&", "&amp;") in text.replace("&gt;", ">")


def test_forecasts_have_an_interval_the_law_and_the_distance(run):
    asked = pd.DataFrame({"N": [2e9, 4e9], "arm": ["wide", "deep"]}, index=[7, 8])
    with pytest.warns(UserWarning, match="validation folds flatter"):
        found = run.forecast(asked, allow_weak_sandbox=True)
    assert list(found.index) == [7, 8]
    assert (found["loss_low"] < found["loss_forecast"]).all() and (
        found["loss_forecast"] < found["loss_high"]
    ).all()
    assert found["loss_forecast"].to_numpy() == pytest.approx(
        [2.0 + 80 * 2e9**-0.3, 1.8 + 80 * 4e9**-0.3], rel=0.02
    )
    for group, N in (("wide", 2e9), ("deep", 4e9)):
        said = found.loc[found.arm == group, "loss_law"].item()
        assert run.formula(group)(N) == pytest.approx(said, rel=1e-6)
    with pytest.warns(UserWarning):
        same = predict(run.path, {"N": 4e9}, group="deep", interval=None, allow_weak_sandbox=True)
    assert same["loss_forecast"].item() == pytest.approx(found["loss_forecast"].iloc[1])
    assert "loss_low" not in same


def test_wrong_questions_to_a_run_say_what_was_expected(run):
    with pytest.raises(BadOption, match=r"expected 0.9"):
        run.forecast({"N": 1e9}, interval=0.5)
    with pytest.raises(BadTable, match="no column 'N'"):
        run.forecast({"M": 1e9}, group="wide", allow_weak_sandbox=True)
    with pytest.raises(BadOption, match="expected one group= of wide, deep"):
        run.formula()
    with pytest.raises(BadOption, match="kind=: expected one of"):
        run.plot("extrapolatoin")


def test_exports_have_the_values_of_the_law(run):
    formula, N = run.formula("deep"), np.array([3e6, 5e8])
    scope = {}
    exec(formula.source("numpy"), scope)
    assert scope["law"](N) == pytest.approx(formula(N))
    assert formula.source("jax") == formula.source("numpy").replace("from numpy", "from jax.numpy")
    sympy = pytest.importorskip("sympy")
    expression = formula.sympy()
    assert float(expression.subs({sympy.Symbol("N", positive=True): 5e8})) == pytest.approx(formula(5e8))
    assert formula.latex().startswith(r"\mathrm{loss} = ") and "e-" not in formula.latex(numbers=True)


JAX_SAYS = """
import json, sys
import jax
jax.config.update("jax_enable_x64", True)
for source, rows in json.load(sys.stdin):
    scope = {}
    exec(source, scope)
    columns = [jax.numpy.array(c) for c in rows]
    print(json.dumps([jax.jit(scope["law"])(*columns).tolist(), jax.grad(lambda x: scope["law"](x, *(c[0] for c in columns[1:])))(columns[0][0]).item()]))
"""


def test_the_jax_source_has_the_same_values_and_a_slope(run):
    """In a process of its own, as JAX starts threads that a forked sandbox must not meet; left out where there is no JAX."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed: its source is compared as text alone")
    every = "E + A*log1p(N)**-a + B*tanh(N/D) + sqrt(abs(N - D))*exp(-D)*log10(D)"
    constants = {"E": 1.5, "A": 2.0, "a": 0.3, "B": 0.1}
    formulas = [
        run.formula("deep"),
        Formula(every, ("N", "D"), ("N", "D"), {"N": 1e6, "D": 1.0}, constants, "loss", ""),
    ]
    rows = [[[3e6, 5e8]], [[3e6, 5e8], [2.0, 7.0]]]
    asked = json.dumps([(f.source("jax"), r) for f, r in zip(formulas, rows, strict=True)])
    done = subprocess.run(
        [sys.executable, "-c", JAX_SAYS], input=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for formula, columns, line in zip(formulas, rows, done.stdout.splitlines(), strict=True):
        values, slope = json.loads(line)
        columns = [np.array(c) for c in columns]
        assert values == pytest.approx(formula(*columns).tolist(), rel=1e-9)
        first, step = [c[0] for c in columns], 1e-5 * columns[0][0]
        ahead, behind = (float(formula(first[0] + h, *first[1:])) for h in (step, -step))
        assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-5)


def test_a_run_has_figures_and_a_page(run):
    figure = run.plot()
    assert figure.axes[0].get_xlabel().startswith("N")
    page = run.path / "report.html"
    before = page.read_text(encoding="utf-8")
    page.unlink()
    assert run.report() == page and page.read_text(encoding="utf-8") == before


def test_one_table_and_question_is_one_task(run, place):
    before = user_names()
    same = add_task(table(), ["N"], "loss", "N", group="arm")
    assert same.name == run.task and user_names() == before
    other = add_task(table(), ["N"], "loss", "N", group="arm", heldout=0.3)
    assert other.name != run.task and other.name.startswith("loss-")
    add_task(table(), "N", "loss", "N", name="mine")
    with pytest.raises(BadOption, match=r"replace=True"):
        add_task(table(), "N", "loss", "N", name="mine", heldout=0.3)
    assert len(add_task(table(), "N", "loss", "N", name="mine", heldout=0.4, replace=True).heldout) > 5


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"features": "N"}, BadOption, "target= is missing"),
        ({"features": "N", "target": "loss"}, BadSpec, "Name a feature with extrapolate="),
        (
            {"features": "N", "target": "loss", "extrapolate": "N", "minuets": 3},
            TypeError,
            "did you mean 'minutes'",
        ),
        ({"features": "M", "target": "loss", "extrapolate": "M"}, BadTable, "the table: no column 'M'"),
        (
            {"features": "N", "target": "loss", "extrapolate": "N", "heldout": 2},
            BadOption,
            "share between 0 and 1",
        ),
        ({"features": "N", "target": "arm", "extrapolate": "N"}, BadTable, "arm must be a finite number"),
    ],
)
def test_wrong_questions_to_a_table(place, asked, error, words):
    with pytest.raises(error, match=words):
        evolve(table(), **asked)


def test_a_task_has_its_own_question(place):
    with pytest.raises(BadOption, match="target= is a question to a table"):
        evolve("sft", target="loss")


def test_an_interrupt_leaves_a_run_that_goes_on(run, place):
    """A signal after three evaluations: `Interrupted` holds the run, the handler is put back, no law is claimed."""

    class Presses(Watcher):
        def progress(self, search, candidate, outcome):
            if search.n_told == 3 and candidate is not None:
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"load_run\('.*'\)\.resume\(\)") as stopped:
        evolve(run.task, out=place / "stopped", **{**SMALL, "progress": Presses()})
    assert signal.getsignal(signal.SIGINT) is before and isinstance(stopped.value, KeyboardInterrupt)
    half = load_run(out=place / "stopped")
    assert half.path == stopped.value.run.path and not half.finished and 0 < len(half.to_frame()) < 8
    assert "not finished" in repr(half)
    with pytest.raises(BadRun, match="has not ended"):
        _ = half.law


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_one_that_was_not(run, place):
    class Presses(Watcher):
        def progress(self, search, candidate, outcome):
            if search.n_told == 3 and candidate is not None:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as stopped:
        evolve(run.task, out=place / "resumed", **{**SMALL, "progress": Presses()})
    whole = stopped.value.run.resume(progress=False, allow_weak_sandbox=True)
    assert whole.finished and whole.law == run.law


@pytest.mark.slow
def test_another_thread_takes_no_signal(run, place):
    found = []
    thread = threading.Thread(target=lambda: found.append(evolve(run.task, out=place / "thread", **SMALL)))
    thread.start()
    thread.join()
    assert found and found[0].law == run.law


@pytest.mark.slow
def test_scores_and_boards_are_frames(run, place):
    scored = score(run, run.task, allow_weak_sandbox=True)
    assert (
        scored.loc[run.task, "r2"] == pytest.approx(run.scores.loc["law", "r2"])
        and not scored.loc[run.task, "broken"]
    )
    board = leaderboard(run.task, place / "runs", programs=False)
    assert board["rank"].tolist() == list(range(1, len(board) + 1)) and "search" in set(board["kind"])
    assert board.attrs["boards"][0]["task"] == run.task


def python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_command_that_was_imported_does_not_hide_the_function():
    """Both orders, and the module itself still serves `python -m` and `from harness.evolve import main`."""
    done = python(
        "import harness.evolve, harness.score, harness.predict, harness.leaderboard\n"
        "from harness import evolve, score, predict, leaderboard\n"
        "from harness.evolve import main\n"
        "import types\n"
        "assert all(isinstance(f, types.FunctionType) for f in (evolve, score, predict, leaderboard, main))\n"
        "assert harness.evolve is evolve and evolve.__module__ == 'harness.api.search'\n"
    )
    assert done.returncode == 0, done.stderr


def test_importing_changes_nothing_of_the_process():
    done = python(
        "import os, signal, sys, threading, warnings\n"
        "def state(): return (dict(os.environ), signal.getsignal(2), signal.getsignal(15), threading.active_count(),\n"
        "                     sys.excepthook, list(sys.path), os.getcwd())\n"
        "before = state()\n"
        "import harness\n"
        "from harness import *\n"
        "assert state() == before\n"
    )
    assert done.returncode == 0, done.stderr


def test_the_package_says_what_it_has():
    assert set(harness.__all__) <= set(dir(harness))
    with pytest.raises(AttributeError, match="no attribute 'evolv'"):
        _ = harness.evolv
    assert isinstance(watcher_for(False), Watcher)

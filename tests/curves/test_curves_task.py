"""A curve set as a task: groups are runs, held-out rows are their ends, `score` takes a program for it."""

import json

import numpy as np
import pytest

from harness.commands import score
from harness.curves.task import make_task
from harness.errors import BadHistory

PROGRAM = """
import numpy as np
from scipy.optimize import nnls

# EVOLVE-BLOCK-START
def design(x):
    tau = np.asarray(x, dtype=float)[:, 0]
    return np.column_stack([np.ones_like(tau), (tau + 0.05) ** -0.4, 1 - tau])


def scaling_law_func(data_points, params):
    return design(data_points) @ np.asarray(params, dtype=float).ravel()


def fit_scaling_law(data_points, loss_values):
    return nnls(design(data_points), np.asarray(loss_values, dtype=float).ravel())[0]
# EVOLVE-BLOCK-END
"""


@pytest.fixture(autouse=True)
def own_tasks(tmp_path, monkeypatch):
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path / "tasks"))


def test_training_rows_end_at_the_prefix(make_runs, seed):
    task = make_task(make_runs(seed, runs=4), "ends", 0.6)
    assert set(task.train.group) == {"run0", "run1", "run2", "run3"}
    progress = np.asarray(task.train.X)[:, 0]
    assert progress.min() >= 0.02 and progress.max() <= 0.6
    assert task.spec.extrapolate == ("progress",) and task.spec.group == "run"


def test_score_takes_a_program_for_it(make_runs, seed, tmp_path, capsys):
    """The program has the simulated runs' own form: it must predict their ends nearly perfectly."""
    make_task(make_runs(seed, runs=8, noise=1e-4), "ends", 0.6)
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    assert score.main([str(path), "--task", "ends", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["scores"]
    assert found["heldout"]["r2"] > 0.999 and found["heldout"]["n_rows"] == 8


def test_what_makes_no_task_is_named(make_runs, seed):
    with pytest.raises(BadHistory, match="take a later --prefix"):
        make_task(make_runs(seed, runs=4), "ends", 0.1)
    with pytest.raises(BadHistory, match="warmup < prefix"):
        make_task(make_runs(seed, runs=4), "ends", 1.5)

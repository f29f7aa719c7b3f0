"""Nested tasks and probe rows: made of training rows, further out, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from tasks import BadSpec, BadTable
from tasks.distance import beyond
from tasks.nested import nested
from tasks.probes import BASE_ROWS, REACH, STEPS, asked_rows, probe_rows
from tasks.rows import Rows, Sealed, Task
from tasks.simulated import SIMULATIONS, load_simulated, simulated_names
from tasks.spec import Column, Provenance, TaskSpec
from tasks.split import validation_folds


class Shut(Sealed):
    """A sealed room that must not be opened."""

    def open(self):
        raise AssertionError("the held-out rows were opened")


def make(extrapolate=("N",), n=40, groups=2, low=1e6):
    rng = np.random.default_rng(6)
    X = np.column_stack([np.tile(np.geomspace(low, 1e9, n), groups), rng.uniform(0, 1, n * groups)])
    y = 2 + 30 * X[:, :1] ** -0.3 + 0.1 * X[:, 1:]
    group = np.repeat([f"g{i}" for i in range(groups)], n)
    spec = TaskSpec("toy", "toy", (Column("N"), Column("t")), (Column("L"),), extrapolate=extrapolate)
    rows = Rows(X, y, group)
    return Task(spec, rows, Shut(rows), Provenance("user", "toy.csv", rows.digest(), "x"))


def test_the_outer_rows_play_the_held_out_rows():
    task = make()
    inner = nested(task, 0.25)
    hidden = inner.heldout.open()
    assert len(inner.train) + len(hidden) == len(task.train)
    assert len(hidden) == 20
    assert hidden.X[:, 0].min() > inner.train.X[:, 0].max()
    assert inner.provenance.train_hash != task.provenance.train_hash
    assert not inner.provenance.official and not inner.spec.published
    for fold in validation_folds(inner.spec, inner.train):
        assert fold.validation.max() < len(inner.train)


def test_without_an_axis_rows_are_dealt_and_ranges_stay_in_every_fit():
    task = make(extrapolate=())
    folds = validation_folds(task.spec, task.train)
    assert len(folds) == 4
    assert sorted(i for f in folds for i in f.validation) == sorted(
        set(i for f in folds for i in f.validation)
    )
    for fold in folds:
        fit = task.train.take(fold.train)
        for label, index in task.train.by_group():
            mine = fit.X[fit.group == label]
            assert mine.min(axis=0) == pytest.approx(task.train.X[index].min(axis=0))
            assert mine.max(axis=0) == pytest.approx(task.train.X[index].max(axis=0))
    assert len(nested(task).heldout) == len(folds[0].validation)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_that_hides_nothing_or_all_is_refused(share):
    with pytest.raises(BadTable, match="between 0 and 1"):
        nested(make(), share)


def test_probes_go_out_along_the_axis_in_steps():
    task = make()
    X, group = probe_rows(task.spec, task.train)
    assert len(X) == 2 * (STEPS + 1) * BASE_ROWS
    one = X[group == "g1"].reshape(STEPS + 1, BASE_ROWS, 2)
    assert (np.diff(one[:, :, 0], axis=0) > 0).all()
    assert (one[:, :, 1] == one[0, :, 1]).all()
    assert one[-1, :, 0] / one[0, :, 0] == pytest.approx(np.full(BASE_ROWS, (1e9 / 1e6) ** REACH))
    along = probe_rows(task.spec, task.train, ("t",))[0]
    assert (along[:BASE_ROWS, 0] == along[-BASE_ROWS:, 0]).all()


def test_probes_without_an_axis_leave_the_centre_and_keep_their_sign():
    task = make(extrapolate=(), low=1.0)
    X, group = probe_rows(task.spec, task.train)
    assert (X >= 0).all()
    one = X[group == "g0"].reshape(STEPS + 1, BASE_ROWS, 2)
    centre = task.train.X[:40].mean(axis=0)
    assert (np.abs(one[-1] - centre)[:, 0] >= np.abs(one[0] - centre)[:, 0]).all()


def test_a_declared_reach_says_where_one_will_predict_and_needs_no_held_out_row():
    task = make()
    assert asked_rows(task) is None
    far = replace(task, spec=replace(task.spec, reach=(("N", 4.0),)))
    X, group = asked_rows(far)
    assert X[:, 0].max() == pytest.approx(4e9) and X[:, 0].min() == pytest.approx(2e9)
    assert set(group) == {"g0", "g1"}
    inner = nested(task, 0.25)
    assert (asked_rows(inner)[0] == inner.heldout.open().X).all()


@pytest.mark.parametrize(
    ("reach", "words"), [((("M", 4.0),), "not a feature"), ((("N", 0.0),), "factor > 0")]
)
def test_a_wrong_reach_is_named(reach, words):
    with pytest.raises(BadSpec, match=words):
        replace(make().spec, reach=reach)


@pytest.mark.parametrize("name", simulated_names())
def test_a_simulated_table_is_the_same_every_time_says_so_and_ends_before_its_held_out_rows(name):
    task = load_simulated(name)
    again = load_simulated(name)
    assert task.provenance == again.provenance and task.provenance.simulated
    assert len(task.train) >= 15 and len(task.heldout) >= 3
    assert (beyond(task.spec, task.train, task.asked.X, task.asked.group) > 0).all()
    assert validation_folds(task.spec, task.train)
    law = SIMULATIONS[name].law(task.train.X)
    noise = np.log(task.train.y[:, 0] / law)
    assert 0.5 * SIMULATIONS[name].noise < noise.std() < 2 * SIMULATIONS[name].noise

"""Errors in logs: relative, every group alike, bounded."""

import numpy as np
import pytest

from evaluator.metric import score
from evaluator.scale import FAR, Scale, scale_error
from tasks.rows import Rows


def rows(y, group=None):
    y = np.asarray(y, dtype=float).reshape(len(y), -1)
    return Rows(np.zeros((len(y), 1)), y, np.array(group or ["a"] * len(y)))


def test_positive_targets_are_logged_others_measured_in_standard_deviations():
    train = rows([[1.0, -1.0], [4.0, 3.0]])
    scale = Scale.of(train)
    assert scale.logged.tolist() == [True, False]
    assert scale.to(train.y) == pytest.approx(np.array([[0, -0.5], [np.log(4), 1.5]]))
    assert scale.back(scale.to(train.y)) == pytest.approx(train.y)


def test_a_relative_error_counts_alike_in_groups_of_any_size_and_number_of_rows():
    y = np.array([1.0, 2.0, 4.0, 1000.0, 2000.0])
    group = ["a", "a", "a", "b", "b"]
    card = score(y[:, None], 1.1 * y[:, None], np.array(group), Scale.of(rows(y, group)))
    assert card.log_error == pytest.approx(np.log(1.1))
    only_b = np.where(np.array(group) == "b", 1.1, 1.0) * y
    half = score(y[:, None], only_b[:, None], np.array(group), Scale.of(rows(y, group)))
    assert half.log_error == pytest.approx(np.log(1.1) / 2)


def test_no_prediction_is_infinitely_wrong_and_nobody_asked_is_nan():
    y = np.array([[1.0], [2.0]])
    scale = Scale.of(rows(y))
    z = scale.to(np.array([[-5.0], [2.0]]))
    assert np.isfinite(z).all()
    assert scale_error(scale.to(y), scale.to(np.array([[1e300], [2.0]])), np.array(["a", "a"])) <= FAR
    assert np.isnan(score(y, y, np.array(["a", "a"])).log_error)

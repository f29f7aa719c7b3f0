"""The metric is the benchmark's, to the last digits."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import real_rows
from evaluator_cases import make_rows, real_data
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.ceiling import best_predictions, noise_ceiling
from evaluator.errors import BadEvaluation
from evaluator.metric import score
from evaluator.scale import Scale
from tasks.rows import Rows

TARGETS = {
    "parallel_scaling_law": ["loss"],
    "vocab_scaling_law": ["unigram_normalized_loss"],
    "sft_scaling_law": ["sft_loss"],
    "domain_mixture_scaling_law": [f"loss_domain_{i}" for i in range(1, 6)],
    "moe_scaling_law": ["loss_validation"],
    "data_constrained_scaling_law": ["loss"],
    "lr_bsz_scaling_law": ["lm_loss"],
    "easy_question_scaling_law": ["brier_score"],
}
FEATURES = {
    "moe_scaling_law": ["num_experts", "dense_parameter_count"],
    "easy_question_scaling_law": ["log_flops"],
}


def table(name: str) -> list[dict[str, str]]:
    folder = real_data()
    if folder is None:
        pytest.skip(real_rows.reason("SLD_DATA_DIR"))
    with open(folder / name, newline="") as file:
        return list(csv.DictReader(file))


def columns(rows: list[dict[str, str]], names: list[str]) -> np.ndarray:
    return np.array([[float(row[name]) for name in names] for row in rows])


@pytest.mark.parametrize("task", TARGETS)
def test_published_human_laws_score_as_published(task):
    targets = TARGETS[task]
    test = table(f"{task}/test.csv")
    predicted = columns(table(f"{task}/human_law_predictions.csv"), [f"predicted_{t}" for t in targets])
    card = score(columns(test, targets), predicted, np.array([row["group"] for row in test]))
    (published,) = (row for row in table("human_law_scores.csv") if row["task"] == task)
    assert card.n_rows == int(published["rows"])
    for name in ("r2", "nmse", "nmae"):
        assert getattr(card, name) == pytest.approx(float(published[name]), rel=1e-12, abs=1e-12)
    assert np.clip(card.r2, -1, 1) == pytest.approx(
        float(published["published_r2_clipped"]), rel=1e-12, abs=1e-12
    )


@pytest.mark.parametrize(
    ("task", "split", "ceiling"),
    [
        ("moe_scaling_law", "test", 0.9192),
        ("moe_scaling_law", "train", 0.9661),
        ("easy_question_scaling_law", "test", 0.9886),
    ],
)
def test_noise_ceilings_are_those_computed_before(task, split, ceiling):
    rows = table(f"{task}/{split}.csv")
    group = np.array([row["group"] for row in rows])
    found = noise_ceiling(Rows(columns(rows, FEATURES[task]), columns(rows, TARGETS[task]), group))
    assert round(found, 4) == ceiling


def test_every_term_by_hand():
    y = np.array([[1.0, 10.0], [3.0, 20.0], [5.0, 60.0]])
    p = np.array([[1.0, 10.0], [3.0, 20.0], [6.0, 30.0]])
    card = score(y, p, np.array(["a", "a", "b"]))
    nmse = np.mean([(1 / 3) / (8 / 3), (900 / 3) / (1400 / 3)])
    assert card.nmse == pytest.approx(nmse)
    assert card.r2 == pytest.approx(1 - nmse)
    assert card.nmae == pytest.approx(np.mean([(1 / 3) / (4 / 3), 10 / 20]))
    assert card.mae == pytest.approx((1 / 3 + 10) / 2)
    assert list(card.per_group) == ["a", "b"]
    assert card.per_group["a"].r2 == 1.0


def test_a_group_that_does_not_vary_has_no_r2_but_an_error():
    y = np.full((3, 1), 0.1 + 0.2)
    card = score(y, y + 0.5, np.array(["a", "a", "a"]))
    assert np.isnan(card.nmse)
    assert np.isnan(card.r2)
    assert np.isnan(card.nmae)
    assert card.mae == pytest.approx(0.5)


def test_pooling_credits_telling_groups_apart():
    rows = make_rows(n=40, groups=4)
    means = np.empty_like(rows.y)
    for _, index in rows.by_group():
        means[index] = rows.y[index].mean(axis=0)
    card = score(rows.y, means, rows.group)
    assert card.r2 > 0.5
    assert all(g.r2 == pytest.approx(0.0) for g in card.per_group.values())


def test_r2_is_not_clipped():
    rows = make_rows()
    assert score(rows.y, rows.y + 100, rows.group).r2 < -1000


def test_shapes_that_differ_are_our_fault():
    with pytest.raises(BadEvaluation, match=r"\(3, 1\), \(2, 1\) and 3 labels"):
        score(np.zeros(3), np.zeros(2), np.array(["a"] * 3))
    with pytest.raises(BadEvaluation):
        score(np.zeros((0, 1)), np.zeros((0, 1)), np.array([]))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1e6), st.floats(-1e3, 1e3))
def test_units_and_row_order_never_matter(seed, scale, shift):
    rng = np.random.default_rng(seed)
    rows = make_rows(n=30, targets=2, groups=3, seed=seed)
    p = rows.y + rng.standard_normal(rows.y.shape)
    order = rng.permutation(len(rows))
    card, moved = (
        score(rows.y, p, rows.group),
        score(scale * rows.y[order] + shift, scale * p[order] + shift, rows.group[order]),
    )
    assert moved.r2 == pytest.approx(card.r2, rel=1e-6)
    assert moved.nmae == pytest.approx(card.nmae, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_function_of_the_features_beats_the_ceiling(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, (40, 2)).astype(float)
    rows = Rows(X, rng.standard_normal((40, 2)), np.array(["a", "b"] * 20))
    ceiling = noise_ceiling(rows)
    assert ceiling == score(rows.y, best_predictions(rows), rows.group).r2
    offsets = {(g, *x): rng.standard_normal(2) for g, x in zip(rows.group.tolist(), X.tolist(), strict=True)}
    nudged = best_predictions(rows) + 0.1 * np.array(
        [offsets[(g, *x)] for g, x in zip(rows.group, X, strict=True)]
    )
    assert score(rows.y, nudged, rows.group).r2 <= ceiling + 1e-12


def test_rows_that_share_no_features_have_no_ceiling():
    assert noise_ceiling(make_rows()) == 1.0


def test_errors_in_logs_are_means_over_groups_and_stand_beside_each():
    """A group with many rows must not drown the others: the logs' error is a mean over groups, the metric is pooled."""
    y = np.array([1.0, 2.0, 4.0, 8.0, 10.0])
    p = y * np.exp([0.1, -0.1, 0.1, -0.1, 0.5])
    group = np.array(["a", "a", "a", "a", "b"])
    scale = Scale.of(Rows(np.ones((5, 1)), y[:, None], group))
    card = score(y, p, group, scale)
    assert card.per_group["a"].log_error == pytest.approx(0.1)
    assert card.per_group["b"].log_error == pytest.approx(0.5)
    assert card.log_error == pytest.approx(0.3)
    assert np.isnan(score(y, p, group).log_error), "without a scale there is none"


def test_relative_errors_are_shares_of_targets_none_of_which_is_zero():
    card = score(np.array([1.0, 2.0, -4.0]), np.array([1.5, 2.0, -3.0]), np.array(["a", "a", "b"]))
    assert card.relative_error == pytest.approx((0.5 + 0.0 + 0.25) / 3)
    assert np.isnan(score(np.array([1.0, 0.0]), np.array([1.0, 1.0]), np.array(["a", "a"])).relative_error)
    assert score(np.array([1.0, 3.0]), np.array([1.5, 3.0]), np.array(["a", "a"])).n_rows == 2


def test_one_target_that_does_not_vary_leaves_no_metric_and_a_small_spread_counts():
    """Half a metric would compare with whole ones; a spread of a millionth is a spread."""
    y = np.array([[1.0, 5.0], [2.0, 5.0]])
    assert np.isnan(score(y, y, np.array(["a", "a"])).nmse)
    small = np.array([0.0, 1e-6, 2e-6])
    card = score(small, small + 1e-6, np.array(["a"] * 3))
    assert card.nmse == pytest.approx(1.5) and card.nmae == pytest.approx(1.5)


def test_a_label_too_few_or_no_row_is_our_fault():
    for y, p, labels in (
        (np.ones(2), np.ones(2), 3),
        (np.ones(0), np.ones(0), 0),
        (np.ones(2), np.ones(3), 2),
    ):
        with pytest.raises(BadEvaluation, match="one label a row"):
            score(y, p, np.array(["a"] * labels))
    assert score(np.array([1.0]), np.array([2.0]), np.array(["a"])).mae == 1.0, (
        "one row is enough for an error"
    )

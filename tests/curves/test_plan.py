"""The learning rate to come: plans in words, shapes read off a log, faults."""

import numpy as np
import pytest

from curves.plan import planned, read_off
from curves.rate import constant, cosine, linear
from curves.run import Run
from fitting.errors import BadData, BadOption

FINAL = 10_000.0


def run(rate=None, until=0.5, peak=3e-4, rows=60):
    step = np.linspace(100, until * FINAL, rows)
    lr = None if rate is None else peak * rate.at(step / FINAL)
    return Run("r", step, np.full(rows, 3.0), FINAL, lr=lr)


AHEAD = np.array([0.6, 0.8, 0.9, 1.0])


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("constant", constant()),
        ("linear", linear()),
        ("linear:10%", linear(0.1)),
        ("cosine", cosine()),
        ("cosine:10%", cosine(0.1)),
        ("wsd:80%", linear(0.0, 0.8)),
        ("wsd:8000:10%", linear(0.1, 0.8)),
    ],
)
def test_a_plan_without_a_logged_rate_is_the_whole_run(text, rate):
    found = planned(text, run())
    assert found.at(AHEAD) == pytest.approx(rate.at(AHEAD), abs=1e-3)
    assert found.kind == rate.kind


@pytest.mark.parametrize(
    ("text", "ends"), [("constant", 0.5), ("linear:3e-5", 0.1), ("cosine:3e-5", 0.1), ("wsd:80%", 0.0)]
)
def test_a_plan_goes_on_from_the_rate_that_was_logged(text, ends):
    found = planned(text, run(linear()))
    assert found.at(0.5)[0] == pytest.approx(0.5, abs=0.01)  # rates are shares of the logged peak
    assert found.end == pytest.approx(ends, abs=0.01)
    assert found.at(0.25)[0] == pytest.approx(0.75, abs=0.01)


def test_a_cosine_goes_through_the_rate_now():
    whole = cosine(0.1)
    assert planned("cosine:3e-5", run(whole)).at(AHEAD) == pytest.approx(whole.at(AHEAD), abs=0.01)


@pytest.mark.parametrize(
    "text", ["nonsense", "", "constant:1", "linear:", "linear:x", "cosine:150%", "linear:-1", "wsd", "wsd:20000", "wsd:80%:10%:1"]
)  # fmt: skip
def test_bad_plans_are_named(text):
    with pytest.raises(BadOption, match="--lr-plan"):
        planned(text, run(linear()))


def test_a_rate_as_logged_needs_a_log():
    with pytest.raises(BadData, match="none is logged"):
        planned("linear:3e-5", run())


@pytest.mark.parametrize(
    ("rate", "word"),
    [
        (linear(), "a line to 0%"),
        (linear(0.1), "a line to 10%"),
        (linear(warmup=0.02), "a line to 0%"),
        (cosine(), "a cosine to 0%"),
        (cosine(0.1, 0.02), "a cosine to 10%"),
    ],
)
@pytest.mark.parametrize("until", [0.4, 0.7])
def test_a_decay_under_way_is_read_off(rate, word, until):
    found = read_off(run(rate, until))
    assert word in found.words
    assert found.rate.at(AHEAD) == pytest.approx(rate.at(AHEAD), abs=0.03)
    assert found.rate.kind == rate.kind


def test_a_late_decay_is_read_off_once_it_shows():
    rate = linear(0.0, 0.5)
    assert read_off(run(rate, 0.45)).rate is None
    assert read_off(run(rate, 0.7)).rate.at(AHEAD) == pytest.approx(rate.at(AHEAD), abs=0.03)


@pytest.mark.parametrize(
    ("rate", "word"), [(None, "not logged"), (constant(), "flat so far"), (linear(0.0, 0.9), "flat so far")]
)
def test_what_a_log_does_not_tell_is_said(rate, word):
    found = read_off(run(rate))
    assert found.rate is None and word in found.words


def test_a_staircase_is_no_line():
    steps = run()
    lr = np.where(steps.progress < 0.2, 1.0, np.where(steps.progress < 0.35, 0.5, 0.1))
    found = read_off(Run("r", steps.step, steps.loss, FINAL, lr=lr))
    assert found.rate is None and "no line or cosine" in found.words


def test_a_run_checks_its_rows():
    with pytest.raises(BadData, match="before the last row"):
        Run("r", [1, 2], [1, 1], 1)
    with pytest.raises(BadData, match="steps must increase"):
        Run("r", [2, 1], [1, 1], 5)
    with pytest.raises(BadData, match="lr must match"):
        Run("r", [1, 2], [1, 1], 5, lr=[1])

"""The learning rate of a whole run: kinds, sums, shapes, faults."""

import numpy as np
import pytest

from curves import Curve, Rate
from curves.rate import constant, cosine, linear
from fitting.errors import BadData, BadOption


@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        (constant(), "constant"),
        (constant(0.1), "constant"),
        (linear(), "decay to zero"),
        (linear(warmup=0.1), "decay to zero"),
        (linear(0.0, 0.8), "late decay"),
        (linear(0.1, 0.8, 0.05), "late decay"),
        (cosine(), "decay to zero"),
        (cosine(0.1, 0.02), "partial decay"),
        (linear(0.3), "partial decay"),
    ],
)
def test_a_schedule_has_its_kind(rate, kind):
    assert rate.kind == kind


def test_the_summed_rate_is_intrinsic_time():
    """Of a line to zero, three quarters of the sum are behind at half way; of a flat rate, half."""
    assert linear().summed(0.5)[0] == pytest.approx(0.75, abs=1e-6)
    assert constant().summed([0.0, 0.5, 1.0]) == pytest.approx([0, 0.5, 1], abs=1e-9)
    assert cosine(0.1).summed(1.0)[0] == pytest.approx(1.0)


def test_units_of_the_rate_do_not_matter():
    tau, lr = np.array([0.0, 0.1, 0.5, 1.0]), np.array([0.0, 3e-4, 3e-4, 3e-5])
    one, two = Rate(tau, lr), Rate(tau, 1e6 * lr)
    assert one.summed(tau) == pytest.approx(two.summed(tau))
    assert one.at(tau) == pytest.approx([0, 1, 1, 0.1]) and one.end == pytest.approx(0.1)
    assert one.warmup == pytest.approx(0.1, abs=0.01)


def test_a_part_that_is_not_told_stays_as_the_nearest_row():
    rate = Rate(np.array([0.2, 0.6]), np.array([1.0, 0.5]))
    assert rate.at([0.0, 0.2, 0.6, 1.0]) == pytest.approx([1, 1, 0.5, 0.5])


def test_a_completed_curve_knows_its_rate_and_its_parts_keep_it():
    curve = Curve("r", [0.0, 0.5, 1.0], [3.0, 2.5, 2.0], lr=[1.0, 0.5, 0.0])
    assert curve.rate.kind == "decay to zero"
    assert curve.until(0.5).rate is curve.rate
    assert Curve("r", [0.0, 0.5], [3.0, 2.5], lr=[1.0, 0.5], complete=False).rate is None


@pytest.mark.parametrize(
    ("progress", "value", "word"),
    [
        ([0, 0, 1], [1, 1, 1], "increasing"),
        ([0.5], [1], "length >= 2"),
        ([0, 1], [1, -1], ">= 0"),
        ([0, 1], [0, 0], "not all zero"),
        ([0, np.nan], [1, 1], "finite"),
        ([0, 1], [1, 1, 1], "one length"),
    ],
)
def test_what_is_no_rate_is_named(progress, value, word):
    with pytest.raises(BadData, match=word):
        Rate(np.array(progress, dtype=float), np.array(value, dtype=float))


def test_shapes_out_of_range_are_named():
    for make in (lambda: linear(1.5), lambda: cosine(-0.1), lambda: linear(0, 1.0), lambda: constant(1.0)):
        with pytest.raises(BadOption):
            make()

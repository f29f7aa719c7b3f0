"""Each rule of the choice by itself, against numbers worked out here. Each test says why its rule is what it is."""

from dataclasses import replace

import numpy as np
import pytest
from test_choice import Shut, made, make_task, shifted

from evaluator.scale import scale_error
from harness.choosing.evidence import Evidence
from harness.choosing.forecast import cast, cast_asked, seat
from harness.choosing.ground import Ground
from harness.choosing.order import combined, distinct, fold_errors, matched_weights, mean_log_error, trust
from harness.choosing.priors import Prior, priors_of, rising_scores, runs_off
from harness.choosing.rows.last_levels import local
from harness.choosing.rows.methods import METHODS
from harness.choosing.vote import clipped, median
from harness.choosing.weights import Weights
from tasks.distance import beyond
from tasks.probes import REACH, STEPS, probe_rows
from tasks.rows import Asked, Rows, Task
from tasks.spec import Column, Provenance, TaskSpec

LINE = ("last two levels",)
OPEN = Weights(room=1e3, room_slope=1e3, anchor=0.0, methods=LINE)
"""No clipping and no anchor: what is left is the vote and the line."""


@pytest.fixture(scope="module")
def ground():
    """Rows of the toy task, each twice, so that a last level has several nearest rows."""
    task = make_task()
    rows = Rows(np.repeat(task.train.X, 2, axis=0), np.repeat(task.train.y, 2, axis=0), np.full(80, "all"))
    rows.y[::2] *= 1.001  # the twins of a row don't agree
    return Ground.of(Task(task.spec, rows, Shut(rows), task.provenance, None))


# The vote.


def test_a_weighted_median_is_the_median_of_laws_counted_that_often():
    """A law of weight three is three laws; half of the weight on either side gives the mean of the two middle values."""
    rng = np.random.default_rng(4)
    for n in (1, 2, 5, 8):
        table, weights = rng.normal(size=(n, 6, 2)), rng.integers(1, 5, n)
        assert median(table, weights.astype(float)) == pytest.approx(
            np.median(np.repeat(table, weights, axis=0), axis=0)
        )
        assert (median(table) == np.median(table, axis=0)).all()
    tenths = np.arange(1.0, 11.0)[:, None, None]
    assert median(tenths, np.full(10, 0.1))[0, 0] == 5.5, (
        "ten times 0.1 is less than 1: no half may be lost to that"
    )


def test_a_vote_stays_near_the_targets_of_its_own_group():
    """A group of nearly equal targets has a tenth of the whole range; a group without rows has all of it."""
    labels = np.array(["wide", "wide", "even", "even"])
    targets = np.array([[0.0, 10.0], [2.0, 30.0], [4.0, 50.0], [4.0, 50.0]])
    asked = np.array(["wide", "wide", "even", "even", "new", "new"])
    room = np.array([0.5, 0.25, 0.5, 0.5, 0.1, 0.1])
    far = np.array([9.0, -9.0, 9.0, -9.0, 9.0, -9.0])[:, None] * np.array([[1e3, 1e4]])
    found = clipped(far, asked, targets, labels, room)
    wanted = [[3.0, 40.0], [-0.5, 5.0], [4.2, 52.0], [3.8, 48.0], [4.4, 54.0], [-0.4, 6.0]]
    assert found == pytest.approx(np.array(wanted))
    inside = np.array([[1.0, 20.0]])
    assert (clipped(inside, asked[:1], targets, labels, room[:1]) == inside).all()


# The local line.

AXES = TaskSpec("toy", "toy", (Column("N"), Column("t"), Column("s")), (Column("L"),), "g", None, ("N",))


def standing(rows, z):
    """Rows of one group; logs of N are whole numbers, t and s may be negative."""
    X = np.array([[np.exp(N), t, s] for N, t, s in rows], dtype=float)
    return Rows(X, np.asarray(z, dtype=float).reshape(len(X), -1), np.full(len(X), "a"))


def line_at(train, N, t, s, spec=AXES):
    X = np.array([[np.exp(N), t, s]])
    found = local(spec, train, train.y, X, np.array(["a"]))
    return found.line[0], found.last[0].tolist()


def test_the_line_leads_from_the_last_level_but_one_through_the_last_at_the_nearest_rows():
    rows = [(N, t, s) for N in (0, 1, 2) for t, s in ((-1, -1), (-1, 1), (1, -1), (1, -1))]
    z = [
        50 * (N == 0) + [10, 20, 30, 40][k % 4] + N * [1, 2, 3, 5][k % 4] for k, (N, _, _) in enumerate(rows)
    ]
    train = standing(rows, np.column_stack([z, -np.array(z)]))
    line, last = line_at(train, 3, 0.9, -1)
    assert last == [10, 11], "equal rows count together"
    assert line == pytest.approx([35 + 3 * 4, -35 - 3 * 4]), "the level at N = 0 says nothing"
    assert line_at(train, 2, -1, 1)[0] == pytest.approx([24, -24]), (
        "at the last level it is what was seen there"
    )
    two = train.take(np.arange(4, 12))
    assert line_at(two, 3, -1, 1)[0] == pytest.approx([26, -26]), "two levels are enough"
    uneven = standing([(0, 0, 0), (1, 0, 0), (4, 0, 0)], [[5.0], [2.0], [11.0]])
    assert line_at(uneven, 6, 0, 0)[0] == pytest.approx([11 + 2 * 3]), "by the distance between levels"
    one = train.take(np.arange(8, 12))
    assert line_at(one, 9, 0.9, -1)[0] == pytest.approx([43, -43]), "one level shows no slope"
    steep = standing([(0, 0, 0), (1, 0, 0)], [[0.0], [-40.0]])
    assert line_at(steep, 3, 0, 0)[0] == pytest.approx([-50.0]), "a line that runs off ends on the scale"
    assert line_at(standing([(0, 0, 0), (1, 0, 0)], [[0.0], [40.0]]), 3, 0, 0)[0] == pytest.approx([50.0])


def test_nearest_is_by_distance_over_all_other_features():
    """One feature alone would take another run for the neighbour."""
    around = [(2, 1.0, 1.0), (2, -1.3, 0.0), (2, 1.5, -2.0), (2, -1.2, 1.0)]
    train = standing([(1, t, s) for _, t, s in around] + around, np.arange(8.0)[:, None])
    scale = train.X[:, 1:].std(axis=0)
    centre = np.array([0.1, 0.0])
    away = [float((np.array(r[1:]) - centre) / scale @ ((np.array(r[1:]) - centre) / scale)) for r in around]
    nearest = int(np.argmin(away))
    line, last = line_at(train, 3, *centre)
    assert last == [4 + nearest]
    assert line == pytest.approx([4 + nearest + 4.0]), "the inner row is the neighbour of the outer one"
    star = [(1, 1), (-1, -1), (1.3, 0), (-1.3, 0), (0, 1.3), (0, -1.3)]
    even = standing([(N, t, s) for N in (1, 2) for t, s in star], np.arange(12.0)[:, None])
    assert line_at(even, 3, 0.02, 0.0)[1] == [8], "1.28 along one feature is nearer than 1.4 across two"


def test_of_several_axes_the_one_farthest_out_counts_and_without_any_the_nearest_rows():
    both = TaskSpec("toy", "toy", (Column("N"), Column("t")), (Column("L"),), "g", None, ("N", "t"))
    X = np.array([[np.exp(a), np.exp(b)] for a in (0, 1, 2) for b in (0, 1, 2)])
    y = np.array([[a + 10.0 * b] for a in (0, 1, 2) for b in (0, 1, 2)])
    train = Rows(X, y, np.full(9, "a"))
    for at, wanted in (((4, 3), 4 + 20), ((3, 4), 2 + 40), ((2.5, 1.2), 2.5 + 10)):
        found = local(both, train, y, np.exp([at]), np.array(["a"]))
        assert found.line[0, 0] == pytest.approx(wanted), "the other feature stays at its nearest level"
    none = TaskSpec("toy", "toy", (Column("N"), Column("t")), (Column("L"),), "g", None, ())
    found = local(none, train, y, np.exp([[0.9, 1.8]]), np.array(["a"]))
    assert (found.line[0, 0], found.last[0].tolist()) == (21.0, [5])
    twice = Rows(np.concatenate([X, X]), np.concatenate([y, y + 1]), np.full(18, "a"))
    assert local(none, twice, twice.y, np.exp([[0.9, 1.8]]), np.array(["a"])).line[0, 0] == 21.5


def test_each_group_has_its_line_and_a_new_group_that_of_all():
    train = Rows(
        np.exp([[0.0], [1.0], [0.0], [1.0]]), np.array([[0.0], [1.0], [5.0], [3.0]]), np.array(list("aabb"))
    )
    spec = TaskSpec("toy", "toy", (Column("N"),), (Column("L"),), "g", None, ("N",))
    found = local(spec, train, train.y, np.exp([[2.0], [2.0], [2.0]]), np.array(["b", "a", "new"]))
    assert found.line.ravel() == pytest.approx([1.0, 2.0, 2.0 - 0.5])
    assert [rows.tolist() for rows in found.last] == [[3], [1], [1, 3]]


# Orders.


def test_folds_are_matched_to_the_distance_that_is_asked_for():
    """Weights fall off as a normal curve in the log of the distance, 0.05 added; no fold is quite without say."""
    ground = Ground.of(make_task())
    names = [f.name for f in ground.standard]
    fold = ground.standard[1]
    here = ground.fold_distance(fold)
    for away in (-1.0, -0.5, 0.0, 0.5, 1.0):
        asked = replace(ground, distance=(0.05 + here) * np.exp(away) - 0.05)
        weights = matched_weights(asked, names)
        assert list(weights) == names
        assert weights[fold.name] == pytest.approx(np.exp(-0.5 * (away / 0.5) ** 2) + 1e-3)
    assert list(matched_weights(ground, names[:1])) == names[:1]


def test_fold_errors_are_compared_in_logs_each_fold_against_its_own_mean():
    errors = {
        "a": np.array([0.1, 0.4]),
        "b": np.array([np.nan, 0.5]),
        "c": np.array([0.3, 0.2]),
        "d": np.array([9.0, 1.0]),
    }
    found = combined(errors, {"a": 0.5, "b": 0.1, "c": 0.25, "d": 0.0, "e": 1.0})
    a, c = np.log(2.0), np.log(1.5) / 2
    assert found == pytest.approx([(-0.5 * a + 0.25 * c) / 0.75, (0.5 * a - 0.25 * c) / 0.85])
    for weights in ({"d": 0.0}, {"e": 1.0}):
        with pytest.raises(ValueError, match="expected errors on one of"):
            combined(errors, weights)
    with pytest.raises(ValueError, match="expected errors"):
        combined({"a": np.array([np.nan, np.nan])}, {"a": 1.0})


def test_errors_on_folds_have_a_floor_and_a_mean_in_logs():
    ground = Ground.of(make_task())
    true = [made(ground, lambda X, fitted: ground.z, "true"), made(ground, shifted(ground, 0.1), "off")]
    errors = fold_errors(true, ground)
    assert all(values[0] == pytest.approx(1e-6) for values in errors.values()), (
        "perfect laws are equal, not infinite"
    )
    mean = mean_log_error(true, ground)
    assert mean == pytest.approx([np.log(1e-6), np.mean([np.log(v[1]) for v in errors.values()])])
    lacking = replace(true[1], folds={k: true[1].folds[k] for k in list(true[1].folds)[1:]})
    first, second, *_ = fold_errors([lacking], ground).values()
    assert np.isnan(first[0]) and second[0] == pytest.approx(list(errors.values())[1][1])


def test_a_breach_costs_its_share_and_never_more_than_one_range():
    """Beyond a whole range of the targets a law is wrong enough; more would let one prior outweigh all folds."""
    ground = Ground.of(make_task())
    laws = [
        replace(made(ground, shifted(ground, 0.1), "x"), broken=b)
        for b in ((0.0,), (0.2, 0.1), (0.7, 0.7), (5.0,))
    ]
    cost = trust(laws, ground, Weights(prior=3.0))
    assert cost - cost[0] == pytest.approx([0.0, 0.9, 3.0, 3.0])


def test_twins_are_laws_that_differ_by_less_than_a_ten_thousandth_at_every_row_beyond():
    def says(*values):
        z = np.array(values)[:, None]
        return Evidence("x", 3, 5, {}, z, z, z, ())

    base = says(-3.0, 3.0)
    apart = {3e-4: 1, 4.5e-4: 2}  # relative to 1 + |value|, here 4
    for by, n in apart.items():
        assert len(distinct([0, 1], [base, says(-3.0 + by, 3.0 + by)], 9)) == n
        assert len(distinct([0, 1], [base, says(-3.0 - by, 3.0 - by)], 9)) == n
    assert distinct([0, 1], [base, says(-3.0, 4.0)], 9) == [0, 1], "one row apart is apart"
    laws = [says(1.0, 1.0), says(2.0, 2.0), says(2.0, 2.0), says(3.0, 3.0)]
    assert distinct([3, 2, 1, 0], laws, 9) == [3, 2, 0], "a twin of any that is kept"
    assert distinct([3, 2, 1, 0], laws, 2) == [3, 2]


# The forecast.


def law_of(ground, tilt):
    return made(ground, shifted(ground, 0.02, tilt), f"tilt {tilt}")


def test_say_and_shares_fall_with_the_error_and_the_vote_looks_better_than_it_is(ground):
    laws = [law_of(ground, tilt) for tilt in (0.02, 0.05, 0.1)]
    weights = replace(OPEN, say_softness=0.4, mix_softness=0.7, flattery=0.3, methods=())
    order = trust(laws, ground, weights)
    alone = seat(laws, ground, range(3), weights)
    say = np.exp(-(order - order.min()) / 0.4)
    assert alone.voters == (0, 1, 2) and alone.say == pytest.approx(tuple(say / say.sum()))
    assert alone.shares == {"laws": 1.0}
    voted = np.mean(np.log(list(alone.errors.values())))
    assert alone.fold_error == pytest.approx(np.exp(voted)) == pytest.approx(alone.part_errors["laws"])
    panel = seat(laws, ground, range(3), replace(weights, methods=tuple(METHODS)))
    logs = {name: np.log(error) for name, error in panel.part_errors.items()}
    assert logs["laws"] == pytest.approx(voted) and list(logs) == ["laws", *METHODS]
    said = {name: np.exp(-(log + 0.3 * (name == "laws")) / 0.7) for name, log in logs.items()}
    assert panel.shares == pytest.approx({name: s / sum(said.values()) for name, s in said.items()})


def test_an_order_that_is_given_counts_and_so_does_a_number_of_voters(ground):
    laws = [law_of(ground, tilt) for tilt in (0.02, 0.05, 0.1)]
    given = np.array([0.3, 0.0, 0.1])
    assert seat(laws, ground, range(3), OPEN, given).voters == (1, 2, 0)
    assert seat(laws, ground, range(3), OPEN, given, 2).voters == (1, 2)
    assert seat(laws, ground, (0, 2), replace(OPEN, voters=1), given).voters == (2,)


def test_errors_however_far_apart_give_shares(ground):
    """A perfect law beside a hopeless one, both far from one: an overflow would leave no say at all."""
    laws = [law_of(ground, tilt) for tilt in (0.02, 0.05)]
    for order in (np.array([900.0, 901.0]), np.array([-1.0, 900.0])):
        panel = seat(laws, ground, range(2), replace(OPEN, say_softness=0.5), order)
        say = np.exp(-(order - order[0]) / 0.5)
        assert panel.say == pytest.approx(tuple(say / say.sum()))
    sharp = seat(laws, ground, range(2), replace(OPEN, mix_softness=1e-4))
    assert sorted(sharp.shares.values()) == pytest.approx([0.0, 1.0])


def test_the_panel_s_errors_are_those_of_vote_and_line_mixed(ground):
    """One law, no clipping: on each fold the forecast is that law and the line, by their weights."""
    law = law_of(ground, 0.05)
    panel = seat([law], ground, [0], replace(OPEN, mix_softness=5.0))
    w = panel.shares["last two levels"]
    assert 0.2 < w < 0.8
    alone = []
    for fold in ground.standard:
        fitted, hidden = ground.train.take(fold.train), ground.train.take(fold.validation)
        line = local(ground.spec, fitted, ground.z[fold.train], hidden.X, hidden.group).line
        z, mixed = ground.z[fold.validation], (1 - w) * law.folds[fold.name][fold.validation] + w * line
        assert panel.errors[fold.name] == pytest.approx(scale_error(z, mixed, hidden.group))
        alone.append(scale_error(z, line, hidden.group))
    assert panel.part_errors["last two levels"] == pytest.approx(np.exp(np.mean(np.log(alone))))


def test_perfect_folds_count_as_the_floor(ground):
    """Else one fold without noise would decide everything by how many zeros its error has."""
    exact = made(
        ground, lambda X, fitted: ground.z if len(X) == len(ground.z) else np.zeros((len(X), 1)), "exact"
    )
    panel = seat([exact], ground, [0], replace(OPEN, methods=()))
    assert list(panel.errors.values()) == pytest.approx([1e-6] * len(ground.standard))


def test_a_vote_is_moved_by_a_share_of_what_it_misses_at_the_last_rows(ground):
    law = law_of(ground, 0.05)
    weights = replace(OPEN, anchor=0.3, methods=())
    panel = seat([law], ground, [0], weights)
    band = cast_asked(panel, ground, [law], weights)
    last = local(ground.spec, ground.train, ground.z, ground.asked, ground.asked_group).last
    assert min(map(len, last)) > 1
    missed = np.stack([(ground.z - law.train)[rows].mean(axis=0) for rows in last])
    assert band.z == pytest.approx(law.asked + 0.3 * missed)


def test_on_folds_a_vote_is_clipped_by_the_room_that_its_distance_gives(ground):
    wild = made(ground, lambda X, fitted: np.full((len(X), 1), 99.0), "wild")
    weights = Weights(room=0.1, room_slope=0.4, anchor=0.0, methods=())
    panel = seat([wild], ground, [0], weights)
    for fold in ground.standard:
        fitted, hidden = ground.train.take(fold.train), ground.train.take(fold.validation)
        room = 0.1 + 0.4 * beyond(ground.spec, fitted, hidden.X, hidden.group)
        z = ground.z[fold.train]
        top = z.max() + room[:, None] * np.ptp(z)
        assert panel.errors[fold.name] == pytest.approx(
            scale_error(ground.z[fold.validation], top, hidden.group)
        )


def test_the_band_by_hand(ground):
    """Each part clipped by distance, then mixed; half as wide again for every range beyond the rows, in fold errors."""
    laws = [law_of(ground, tilt) for tilt in (0.02, 0.05, 0.1)]
    weights = Weights(anchor=0.0, room=0.2, room_slope=0.6, interval=1.3, interval_slope=1.7, methods=LINE)
    panel = replace(
        seat(laws, ground, range(3), weights), shares={"laws": 0.75, LINE[0]: 0.25}, say=(0.2, 0.2, 0.6)
    )
    X, group = np.array([[5e9, 0.5], [1e8, 0.3], [2e10, 1.0]]), np.full(3, "all")
    votes = np.stack([shifted(ground, 0.0, t)(X, np.arange(80)) for t in (0.02, 0.05, 0.1)])
    at_train = np.stack([law.train for law in laws])
    distance = beyond(ground.spec, ground.train, X, group)
    assert distance[1] == 0 < distance[0] < distance[2]
    line = local(ground.spec, ground.train, ground.z, X, group).line
    for say, voted in ((None, votes[2]), ((0.8, 0.1, 0.1), votes[0])):
        band = cast(panel, ground, votes, at_train, (X, group), weights, say)
        room = 0.2 + 0.6 * distance
        kept = [clipped(part, group, ground.z, ground.train.group, room) for part in (voted, line)]
        wanted = 0.75 * kept[0] + 0.25 * kept[1]
        assert band.z == pytest.approx(wanted)
        assert band.half_width == pytest.approx(1.3 * panel.fold_error * (1 + 1.7 * distance)[:, None])
        assert (band.distance == distance).all()
    high = cast(panel, ground, votes + 99.0, at_train, (X, group), weights).z
    top = ground.z.max() + ((0.2 + 0.6 * distance) * np.ptp(ground.z))[:, None]
    kept = clipped(line, group, ground.z, ground.train.group, 0.2 + 0.6 * distance)
    assert high == pytest.approx(0.75 * top + 0.25 * kept)
    capped = replace(ground, most=float(np.exp(ground.z.max())))
    assert cast(panel, capped, votes + 99.0, at_train, (X, group), weights).z == pytest.approx(
        np.minimum(high, ground.z.max())
    )


# Priors.


def probed(*lines):
    """(STEPS + 1) x lines predictions, given line by line as the last step's change; each moves evenly."""
    steps = np.linspace(0.0, 1.0, STEPS + 1)[:, None, None]
    return (steps * np.array(lines, dtype=float)[None]).reshape((STEPS + 1) * len(lines), -1)


def grouped(n, width=1.0):
    """n groups of two rows whose targets lie `width` apart, the second target ten times as far."""
    labels = np.repeat([f"g{i}" for i in range(n)], 2)
    y = np.tile([[0.0, 0.0], [width, 10 * width]], (n, 1))
    return Rows(np.ones((2 * n, 1)), y, labels)


def told(sign, n, *lines_of_groups):
    group = np.concatenate(
        [np.full((STEPS + 1) * len(lines), f"g{i}") for i, lines in enumerate(lines_of_groups)]
    )
    return Prior("N", sign, np.ones((len(group), 1)), group), np.concatenate(
        [probed(*lines) for lines in lines_of_groups]
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_rise_is_the_middle_one_of_a_group_s_rows_in_ranges_less_the_slack(sign):
    prior, y = told(sign, 1, [(0.0, 0.0), (0.3, 2.0), (0.9, 9.0)])
    assert prior.broken(grouped(1), sign * y) == pytest.approx(0.3 - 0.05), "the target that is worse counts"
    assert prior.broken(grouped(1, 2.0), sign * y) == pytest.approx(0.15 - 0.05)
    assert prior.broken(grouped(1), -sign * y) == 0.0
    prior, y = told(sign, 1, [(0.04, 0.0)])
    assert prior.broken(grouped(1), sign * y) == 0.0, "within the slack"
    prior, y = told(sign, 1, [(0.07, 0.0)])
    assert prior.broken(grouped(1), sign * y) == pytest.approx(0.02), "the slack is a twentieth of the range"


def test_a_wave_counts_once_from_its_lowest_point():
    wave = np.array([0.5, 0.0, 0.4, 0.1, 0.3])[:, None]
    train = Rows(np.ones((2, 1)), np.array([[0.0], [1.0]]), np.full(2, "g0"))
    assert Prior("N", 1, wave, np.full(5, "g0")).broken(train, wave) == pytest.approx(0.4 - 0.05)


def test_groups_count_in_their_mean_and_a_tenth_of_them_may_break_what_is_known():
    flat, rise = [(0.0, 0.0)], [(0.55, 0.0)]
    for n_broken, wanted in ((2, 0.0), (3, 3 * 0.5 / 20)):
        prior, y = told(1, 20, *[rise] * n_broken, *[flat] * (20 - n_broken))
        assert prior.broken(grouped(20), y) == pytest.approx(wanted)
    train = Rows(np.ones((2, 1)), np.full((2, 1), 3.0), np.full(2, "g0"))
    steady = np.full((5, 1), 3.0)
    assert Prior("N", 1, steady, np.full(5, "g0")).broken(train, steady) == 0.0, "equal targets have no range"
    steady[-1] += 0.5
    assert Prior("N", 1, steady, np.full(5, "g0")).broken(train, steady) > 1e6, "and any rise is many of it"


def test_scores_beyond_one_break_the_ceiling_in_ranges():
    train = Rows(
        np.ones((4, 1)), np.array([[0.2, 0.5], [0.6, 0.9], [0.0, 0.1], [0.8, 0.9]]), np.array(list("aabb"))
    )
    prior = Prior("N", 0, np.ones((4, 1)), np.array(list("aabb")))
    y = np.array([[0.9, 1.1], [0.9, 0.2], [1.4, 0.9], [0.9, 0.9]])
    assert prior.broken(train, y) == pytest.approx(((0.1 / 0.4 - 0.05) + (0.4 / 0.8 - 0.05)) / 2)
    assert prior.broken(train, np.minimum(y, 1.01)) == 0.0, "within the slack"


def test_targets_are_scores_where_all_lie_between_nothing_and_one():
    """Accuracies may begin at exactly 0 and reach exactly 1; a loss that once is 1.2 has no such end."""

    def axes(low, high):
        N = np.geomspace(1e6, 1e9, 8)[:, None]
        rows = Rows(N, np.linspace(low, high, 8)[:, None], np.full(8, "all"))
        spec = TaskSpec("toy", "toy", (Column("N"),), (Column("score"),), None, 6, ("N",))
        return rising_scores(Task(spec, rows, Shut(rows), Provenance("user", "toy.csv", "a", "b")))

    assert axes(0.0, 1.0) == axes(0.2, 0.9) == ("N",)
    assert axes(-0.1, 0.9) == axes(0.1, 1.2) == axes(1.1, 1.2) == axes(0.9, 0.1) == ()


def test_priors_are_those_declared_with_their_signs_and_as_far_as_is_asked():
    task = make_task(falls_with=("N",))
    rising = replace(task, spec=replace(task.spec, falls_with=(), rises_with=("t",)))
    assert [(p.feature, p.sign) for p in priors_of(task)] == [("N", 1)]
    assert [(p.feature, p.sign) for p in priors_of(rising)] == [("t", -1)]
    for given, reach in ((None, REACH), (0.0, 0.05), (0.2, 0.2)):
        (prior,) = priors_of(task, given)
        X, group = probe_rows(task.spec, task.train, ("N",), reach)
        assert (prior.X == X).all() and (prior.group == group).all()
    inside = Asked(task.train.X[:2], task.train.group[:2])
    assert Ground.of(replace(task, asked=inside)).priors[0].X[:, 0].max() > task.train.X[:, 0].max()


def test_a_law_runs_off_a_whole_range_away_in_more_than_a_tenth_of_the_groups():
    train = grouped(20, 1.0)
    y = np.full((40, 2), 0.5)

    def off(by, n=3):
        out = y.copy()
        out[: 2 * n : 2, 0] = by  # one row of each, one target
        return runs_off(train, out, train.group)

    assert off(1.9) == off(-0.9) == [] and off(2.1) == off(-1.1) == ["g0", "g1", "g2"]
    assert off(2.1, 2) == []
    even = Rows(np.ones((2, 1)), np.full((2, 1), 3.0), np.full(2, "g"))
    assert runs_off(even, np.array([[3.0], [3.0]]), even.group) == []
    assert runs_off(even, np.array([[3.0], [3.2]]), even.group) == ["g"], (
        "where nothing varies there is no room"
    )

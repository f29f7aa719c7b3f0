"""Backtest, searches, endpoint laws, joint fits and replay."""

import csv

import numpy as np
import pytest

from curves import (
    BASELINES,
    Curve,
    Endpoint,
    backtest,
    best_map,
    choose_method,
    fit_endpoint_law,
    fit_joint,
    load_curves,
    load_delphi,
    load_delphi_endpoints,
    load_set,
    predict_endpoint,
    recipe_laws,
    remark,
    replay_stops,
    rolling_horizon,
    score,
    search_by_scale,
    table,
    target_search,
)
from curves.baselines import template
from curves.laws import unit_of
from fitting.errors import BadData, BadOption

PREFIXES = (0.3, 0.6, 0.9)


@pytest.fixture(scope="module")
def rows(made):
    return backtest(made(3, runs=8), PREFIXES, ("power_huber", "rational_huber", *BASELINES))


def test_a_backtest_has_a_row_for_every_run_prefix_and_method(rows):
    cells = table(rows, lambda r: (r.prefix, r.method))
    assert {p for p, _ in cells} == set(PREFIXES)
    assert all(cells[p, m].n == 8 for p in PREFIXES for m in ("power_huber", "last_value", "template_global"))
    # four runs a mix leave three others; two a recipe are too few
    assert (0.3, "template_by_mix") in cells and (0.3, "template_by_recipe") not in cells
    assert cells[0.9, "power_huber"].mae < cells[0.3, "last_value"].mae


def test_workers_change_nothing(make_runs):
    runs = make_runs(5, runs=3)
    one = backtest(runs, (0.5,), ("log_mae", "auto"))
    assert backtest(runs, (0.5,), ("log_mae", "auto"), workers=2) == one


def test_scores_are_mean_worst_and_bias(rows):
    chosen = [r for r in rows if r.method == "linear" and r.prefix == 0.6]
    errors = np.array([r.predicted - r.actual for r in chosen])
    found = score(chosen)
    assert (found.mae, found.worst, found.bias) == pytest.approx(
        (np.abs(errors).mean(), np.abs(errors).max(), errors.mean())
    )


def test_the_map_names_the_best_form_of_each_cell(rows):
    best = best_map(rows)
    cells = table(rows, lambda r: (r.prefix, r.C, r.method))
    assert set(best) == {(p, C) for p in PREFIXES for C in (1e19, 1e20)}
    for (prefix, C), (method, found) in best.items():
        assert found.mae == min(cells[prefix, C, m].mae for m in ("power_huber", "rational_huber"))
        assert cells[prefix, C, method].mae == found.mae


def test_a_hit_holds_its_target_on_every_run(rows):
    hits = target_search(rows, 0.05)
    assert hits and hits == sorted(hits, key=lambda h: (h.prefix, h.score.worst))
    for hit in hits:
        worst = [abs(r.error) for r in rows if (r.prefix, r.method) == (hit.prefix, hit.method)]
        assert max(worst) <= 0.05 and len(worst) == 8
    assert target_search(rows, 1e-9) == []
    gone = next(r for r in rows if (r.prefix, r.method) == (hits[0].prefix, hits[0].method))
    rest = target_search([r for r in rows if r is not gone], 0.05)
    assert (hits[0].prefix, hits[0].method) not in [(h.prefix, h.method) for h in rest]
    by_scale = search_by_scale(rows, 0.05, regime=lambda r: r.labels["mix"] == "a")
    assert set(by_scale) == {1e19, 1e20}
    assert all(h.score.n == 2 for hits in by_scale.values() for h in hits)
    with pytest.raises(BadOption, match="error > 0"):
        target_search(rows, 0)


def test_the_chosen_pair_is_nearly_best_where_it_was_chosen(rows):
    prefix, _, inside, outside = choose_method(rows, lambda r: r.C == 1e19)
    cells = table([r for r in rows if r.C == 1e19], lambda r: (r.prefix, r.method))
    bar = 1.1 * min(s.mae for s in cells.values()) + 0.002
    assert inside.mae <= bar and outside.n == 4
    assert not [k for k, s in cells.items() if s.mae <= bar and k[0] < prefix]
    assert choose_method(rows, lambda r: False) is None


def test_templates_leave_the_run_itself_out():
    """Four scaled copies of one curve: the share of the drop is the same, so the end is exact; its own would not do."""
    tau = np.linspace(0, 1, 11)
    runs = [Curve(f"r{i}", tau, 1 + (i + 1) * (1 - tau) ** 2) for i in range(4)]
    assert template(runs[0], 0.5, runs) == pytest.approx(1.0)
    assert template(runs[0], 0.5, runs[:3]) is None


@pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])
def test_a_floor_law_gives_its_constants_back(alpha):
    x = np.geomspace(1e18, 1e21, 8)
    found = fit_endpoint_law(x, 0.4 + 1.2 * (x / 1e18) ** -alpha)
    assert found.constants == pytest.approx({"E": 0.4, "A": 1.2, "alpha": alpha}, rel=1e-5)
    assert found.r2 == pytest.approx(1) and found.at_bound == ()


def test_a_log_log_law_gives_its_constants_back_and_bounds_are_named():
    x = np.geomspace(1e18, 1e21, 5)
    found = fit_endpoint_law(x, 3 * x**-0.05, "loglog")
    assert np.exp(found.constants["intercept"]) == pytest.approx(3)
    assert found.constants["slope"] == pytest.approx(-0.05)
    bent = fit_endpoint_law(x, 5 - 0.3 * np.log10(x / 1e18) ** 1.3)  # falls ever faster: no floor
    assert "E" in bent.at_bound and bent.constants["E"] == 0


def test_a_remark_says_what_the_misses_say():
    rungs = np.geomspace(1e18, 1e22, 5)

    def ends(bend):
        return [
            Endpoint(("r",), {"C": C}, 2 * (C / 1e18) ** -0.05 + bend * (C > 1e21), f"{C:g}") for C in rungs
        ]

    for bend, word in ((-0.1, "over-predicts"), (0.1, "under-predicts")):
        laws, misses = recipe_laws(ends(bend), 1e21, "loglog")
        assert [m.x for m in misses] == [pytest.approx(1e22)] and laws[("r",)].n == 4
        assert word in remark(misses, "loglog")
    assert "no endpoint beyond" in remark([], "floor")
    horizon = rolling_horizon(ends(0.0), "loglog")
    assert max(r[2] for r in horizon) < 1e-6 and max(r[1] for r in horizon) == pytest.approx(1000)


def test_the_published_endpoint_law(curve_sets):
    endpoints = load_delphi_endpoints(curve_sets)
    law = recipe_laws(endpoints, 3e20)[0]["p33m67", 0.5]
    assert {k: f"{v:.4f}" for k, v in law.constants.items()} == {
        "E": "0.1595",
        "A": "1.4426",
        "alpha": "0.1138",
    }
    assert f"{law.predict(1e22)[0]:.5f}" == "0.66520"
    for form, known in (("floor", (2.56, 16.5)), ("loglog", (1.10, 10.7))):
        misses = recipe_laws(endpoints, 3e20, form)[1]
        found = [np.mean([abs(m.percent) for m in misses if m.x == x]) for x in (1e21, 1e22)]
        assert found == pytest.approx(known, rel=5e-3)


def test_laws_over_compute_parameters_and_tokens(curve_sets):
    """Runs of one model: tokens and compute are one axis in two units, and the law says the same of both."""
    curves = [c for c in load_set("misfitting_c4", curve_sets) if c.complete]
    assert np.allclose([c.C for c in curves], [6 * c.N * c.D for c in curves])
    ends = [Endpoint((c.labels["model"],), {"C": c.C, "N": c.N, "D": c.D}, c.final, c.run) for c in curves]
    tokens = sorted({c.D for c in curves if c.labels["model"] == "17m"})
    of_tokens = recipe_laws(ends, tokens[-3], "floor", "D", tokens[0])
    N = next(c.N for c in curves if c.labels["model"] == "17m")
    of_compute = recipe_laws(ends, 6 * N * tokens[-3], "floor", "C", 6 * N * tokens[0])
    law, same = of_tokens[0]["17m",], of_compute[0]["17m",]
    assert law.constants == pytest.approx(same.constants, rel=1e-4)
    misses = [m for m in of_tokens[1] if m.recipe == ("17m",)]
    assert len(misses) > 5 and all(m.x > tokens[-3] for m in misses)
    assert np.median([abs(m.percent) for m in misses]) < 5, "a few learning rates diverge, most runs do not"
    by_steps = [Endpoint((c.labels["total_steps"],), {"N": c.N}, c.final, c.run) for c in curves]
    sizes = sorted({c.N for c in curves})
    of_sizes = recipe_laws(by_steps, sizes[-3], "floor", "N", sizes[0])[0][4000.0,]
    assert of_sizes.constants["A"] > 0 and of_sizes.constants["alpha"] > 0.1


def test_the_published_joint_fit(curve_sets):
    path = curve_sets / "delphi_midtraining" / "published_joint_by_flop_power_drift_p90.csv"
    with path.open(newline="", encoding="utf-8") as file:
        published = {r["run_id"]: float(r["predicted"]) for r in csv.DictReader(file)}
    large = [c for c in load_delphi(curve_sets) if c.C == 1e21]
    found = fit_joint(large, 0.90)
    assert max(abs(found.endpoint(c) - published[c.run]) for c in large) < 1e-6
    assert found.n == 240 and len(large) == 12


def test_a_joint_fit_predicts_runs_it_saw_in_part(make_runs, seed):
    runs = make_runs(seed, noise=0.0)
    terms = ("math_fraction", "lr_factor", "log_C")
    found = fit_joint(runs, 0.7, "power_drift", terms)
    assert max(abs(found.endpoint(c) - c.final) for c in runs) < 0.01
    blind = fit_joint(runs[1:], 0.7, "power_drift", terms)
    assert blind.endpoint(runs[0]) == pytest.approx(runs[0].final, abs=0.02)
    with pytest.raises(BadData, match="no numeric feature 'depth'"):
        fit_joint(runs, 0.7, "power_drift", ("depth",))
    with pytest.raises(BadData, match="needs 30 points"):
        fit_joint(runs[:1], 0.2)


def test_only_points_before_the_prefix_are_read(make_runs, seed):
    runs = make_runs(seed)
    spoiled = [
        Curve(c.run, c.progress, np.where(c.progress > 0.5, 9.0, c.loss), c.labels, C=c.C) for c in runs
    ]
    one, two = (fit_joint(r, 0.5, "exp_drift", ("lr_factor",)) for r in (runs, spoiled))
    assert np.array_equal(one.coefficients, two.coefficients)
    first, second = (
        predict_endpoint(c.until(0.5).progress, c.until(0.5).loss) for c in (runs[0], spoiled[0])
    )
    assert first.endpoint == second.endpoint


def test_a_replay_counts_regret_and_savings(made):
    runs = made(11, runs=24)
    for found in replay_stops(runs, 0.5, by=("C",)):
        mine = {c.run: c for c in runs if f"C={c.C:g}" == found.group}
        kept = min(c.final for c in mine.values() if c.run not in found.stopped)
        assert found.runs == len(mine) == 12
        assert found.regret == pytest.approx(kept - min(c.final for c in mine.values())) and found.regret >= 0
        assert found.saved == pytest.approx(0.5 * len(found.stopped) / 12)
        assert found.stopped  # the worse mix ends 0.1 higher, far outside the noise
    with pytest.raises(BadData, match="3 completed runs"):
        replay_stops(runs[:2], 0.5)


def test_a_table_of_ones_own_is_read_and_faults_are_named(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("run,it,val,size\na,0,3.0,10\na,5,2.5,10\na,10,2.2,10\nb,5,3.1,x\n", encoding="utf-8")
    curves = load_curves(path, run="run", step="it", loss="val", progress=None, labels=("size",))
    assert [c.run for c in curves] == ["a", "b"]
    assert list(curves[0].progress) == [0, 0.5, 1] and curves[0].labels == {"size": 10.0}
    with pytest.raises(BadData, match="no column run_id, loss"):
        load_curves(path, step="it", progress=None)
    with pytest.raises(BadData, match=r"size must be a finite number: 1 of 4 rows are not"):
        load_curves(path, run="run", step="it", loss="val", progress=None, N="size")
    path.write_text("run,it,val\na,0,3.0\n", encoding="utf-8")
    with pytest.raises(BadData, match="run 'a' ends at step 0"):
        load_curves(path, run="run", step="it", loss="val", progress=None)
    with pytest.raises(BadData, match="no such file"):
        load_curves(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("rungs", "axis", "unit"),
    [([3e18, 1e22], "C", 1e18), ([], "C", 1e18), ([3e9, 8e10], "C", 1e9), ([2.5e7, 1e19], "D", 1e7)],
)
def test_the_unit_of_a_law_is_round_and_below_the_smallest_run(rungs, axis, unit):
    assert unit_of(rungs, axis) == pytest.approx(unit)

"""Rules of choosing, and their score over all tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.selection.table import Table, away, is_light, is_refit, is_searched
from harness.choosing.choice import CONTROL_BY
from harness.choosing.controls import CONTROLS
from harness.choosing.evidence import Evidence
from harness.choosing.forecast import Band, cast_asked, seat
from harness.choosing.law import law_order
from harness.choosing.order import combined, fold_errors, mean_log_error
from harness.choosing.weights import Weights
from harness.search.candidate import searched_id

Rule = Callable[[Table], np.ndarray]
"""What a rule predicts for a table's held-out rows, (m, T), on the scale of errors."""


def lowest(table: Table) -> np.ndarray:
    """The law of the lowest geometric mean of the fold errors."""
    errors = fold_errors(table.evidence, table.ground)
    order = combined(errors, {f.name: 1.0 for f in table.ground.standard})
    return table.evidence[min(table.among, key=lambda i: order[i])].asked


CLOSE = 1.05
"""Errors within this ratio of the lowest are close; what NAI takes for close is not described."""


def fewest_of_the_close(table: Table) -> np.ndarray:
    """As NAI v9 is described to choose: lowest on the outer training rows, no broken prior, fewer constants where close."""
    errors = fold_errors(table.evidence, table.ground)
    order = combined(errors, {f.name: 1.0 for f in table.ground.standard})
    kept = [i for i in table.among if not sum(table.evidence[i].broken)] or table.among
    least = min(order[i] for i in kept)
    close = [i for i in kept if order[i] <= least + math.log(CLOSE)]
    return table.evidence[min(close, key=lambda i: (table.evidence[i].n_constants, order[i]))].asked


def forecast(weights: Weights) -> Rule:
    return lambda table: band_of(table, weights).z


def band_of(table: Table, weights: Weights) -> Band:
    panel = seat(table.evidence, table.ground, table.among, weights)
    return cast_asked(panel, table.ground, table.evidence, weights)


def law(weights: Weights, with_refits: bool = True) -> Rule:
    """The law nearest to the forecast."""

    def rule(table: Table) -> np.ndarray:
        among = [*table.among, *(table.variants if with_refits else [])]
        band = band_of(table, weights)
        first = law_order(table.evidence, table.ground, among, band, weights)[0]
        return table.evidence[first].asked

    return rule


def light_law(weights: Weights) -> Rule:
    """The law nearest to the forecast, without what its evidence can't tell."""
    return lambda table: _light(table, weights).asked


def _light(table: Table, weights: Weights) -> Evidence:
    light = [e for e in table.evidence if is_light(e)]
    if light:
        return light[0]
    among = [*table.among, *table.variants]
    first = law_order(table.evidence, table.ground, among, band_of(table, weights), weights)[0]
    return table.evidence[first]


def taken_law(weights: Weights, by: float = CONTROL_BY) -> Rule:
    """The same, or a control that is a law and that the folds put well before it."""

    def rule(table: Table) -> np.ndarray:
        law = _light(table, weights)
        own = math.exp(mean_log_error([law], table.ground)[0])
        as_law = {e.id: e for e in table.evidence if e.id.startswith("control ")}
        for name in sorted(table.controls, key=lambda c: table.controls[c].fold_error):
            found = as_law.get(f"control {name}")
            if not table.controls[name].fold_error < by * own or found is None or away(found, table.ground):
                continue
            if math.exp(mean_log_error([found], table.ground)[0]) < by * own:
                return found.asked
        return law.asked

    return rule


def light_ratios(table: Table) -> tuple[int, int] | None:
    """Size of the chosen law before and after; None where nothing was dropped."""
    light = [e for e in table.evidence if is_light(e)]
    if not light:
        return None
    heavy = next(e for e in table.evidence if e.id == light[0].id.partition("l")[0])
    return heavy.n_constants, light[0].n_constants


def law_or_control(weights: Weights, margin: float) -> Rule:
    """The law, or the control whose error on the folds is the lowest and below the law's by the margin."""

    def rule(table: Table) -> np.ndarray:
        among = [*table.among, *table.variants]
        first = law_order(table.evidence, table.ground, among, band_of(table, weights), weights)[0]
        own = math.exp(mean_log_error([table.evidence[first]], table.ground)[0])
        best = min(table.controls.values(), key=lambda c: c.fold_error)
        return best.asked if best.fold_error < margin * own else table.evidence[first].asked

    return rule


def best_of_pool(weights: Weights) -> Rule:
    """The best law among those that may be taken, picked by looking: what no rule over them can beat."""

    def rule(table: Table) -> np.ndarray:
        among = [*table.among, *table.variants]
        pool = law_order(table.evidence, table.ground, among, band_of(table, weights), weights)
        return min((table.evidence[i].asked for i in pool), key=table.error)

    return rule


def best_part(weights: Weights) -> Rule:
    """The vote or the method that comes nearest, picked by looking: about what no mixture of them can beat."""

    def rule(table: Table) -> np.ndarray:
        panel = seat(table.evidence, table.ground, table.among, weights)
        alone = (replace(panel, shares={name: 1.0}) for name in panel.shares)
        found = (cast_asked(one, table.ground, table.evidence, weights).z for one in alone)
        return min(found, key=table.error)

    return rule


def refits_vote(weights: Weights) -> Rule:
    """The forecast with refits among the voters."""

    def rule(table: Table) -> np.ndarray:
        among = [*table.among, *table.variants]
        panel = seat(table.evidence, table.ground, among, weights)
        return cast_asked(panel, table.ground, table.evidence, weights).z

    return rule


def refit_ratios(table: Table) -> list[float]:
    """Held-out error of every refit over that of the plain fit of its form."""
    plain = {e.id: table.error(e.asked) for e in table.evidence if is_searched(e)}
    refitted = [(searched_id(e.id), table.error(e.asked)) for e in table.evidence if is_refit(e)]
    return [error / plain[parent] for parent, error in refitted if parent in plain]


def rules(weights: Weights) -> dict[str, Rule]:
    never = 1e9  # the line's weight turns so slowly that it stays at a half; a tiny error ratio can't move it
    return {
        "law: lowest on folds": lowest,
        "law: fewest constants of the close on folds (as NAI v9)": fewest_of_the_close,
        "law: nearest to the forecast, no refits": law(weights, with_refits=False),
        "law: nearest to the forecast": law(weights),
        "law: lightened": light_law(weights),
        "law: or a control that is a law, by any margin": taken_law(weights, 1.0),
        "law: or a control that is a law, by a tenth (shipped)": taken_law(weights),
        "law: best of the pool, picked by looking": best_of_pool(weights),
        "law: or the control that folds put before it": law_or_control(weights, 1.0),
        "law: or the control that folds put before it by a fifth": law_or_control(weights, 0.8),
        "forecast: five voters": forecast(replace(weights, voters=5)),
        "forecast: twenty voters, equal say": forecast(replace(weights, say_softness=never)),
        "forecast: say falls twice as fast": forecast(
            replace(weights, say_softness=weights.say_softness / 2)
        ),
        "forecast: refits vote too": refits_vote(weights),
        "forecast: no flattery": forecast(replace(weights, flattery=0.0)),
        "forecast: flattery of 0.4": forecast(replace(weights, flattery=0.4)),
        "forecast: methods mixed twice as softly": forecast(
            replace(weights, mix_softness=2 * weights.mix_softness)
        ),
        "forecast: methods mixed twice as sharply": forecast(
            replace(weights, mix_softness=weights.mix_softness / 2)
        ),
        **{
            f"forecast: without {name}": forecast(
                replace(weights, methods=tuple(m for m in weights.methods if m != name))
            )
            for name in weights.methods
        },
        "forecast: last two levels alone beside the vote": forecast(
            replace(weights, methods=("last two levels",))
        ),
        "forecast: whole anchor": forecast(replace(weights, anchor=1.0)),
        "forecast: no anchor": forecast(replace(weights, anchor=0.0)),
        "forecast: vote alone": forecast(replace(weights, methods=())),
        "forecast: vote alone, no anchor": forecast(replace(weights, anchor=0.0, methods=())),
        "forecast: no clip": forecast(replace(weights, room=never)),
        "forecast: best of its parts, picked by looking": best_part(weights),
        "forecast (shipped)": forecast(weights),
    }


@dataclass(frozen=True, slots=True)
class Score:
    """One rule over all tables."""

    over_best: float
    by_table: float
    worst: float
    r2: float
    worse: dict[str, int]
    ratios: dict[str, float]


def score_rule(rule: Rule, found: list[Table]) -> Score:
    ratios, r2s = {}, {}
    worse = dict.fromkeys(CONTROLS, 0)
    for table in found:
        z = rule(table)
        error = table.error(z)
        ratios[table.name] = max(error, 1e-9) / max(float(table.errors.min()), 1e-9)
        r2s[table.name] = clipped_r2(table, z)
        for name in worse:
            worse[name] += error > table.error(table.controls[name].asked) * (1 + 1e-9)
    sources = sorted({t.source for t in found})

    def mean(values: dict[str, float]) -> float:
        return float(np.mean([np.mean([values[t.name] for t in found if t.source == s]) for s in sources]))

    logs = {name: math.log(ratio) for name, ratio in ratios.items()}
    return Score(
        math.exp(mean(logs)),
        math.exp(float(np.mean(list(logs.values())))),
        max(ratios.values()),
        mean(r2s),
        worse,
        ratios,
    )


def clipped_r2(table: Table, z: np.ndarray) -> float:
    y, p = table.ground.scale.back(table.z), table.ground.scale.back(z)
    varies = np.ptp(y, axis=0) > 0
    nmse = ((y - p)[:, varies] ** 2).mean(axis=0) / y[:, varies].var(axis=0)
    return max(-1.0, min(1.0, 1.0 - float(nmse.mean()))) if varies.any() else 0.0

"""Fit any law by formula: linear constants projected out on a coarse grid, then active-set Newton on all constants.

result = fit("E + A*N**-alpha + B*D**-beta", data, loss=huber(1e-3))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fitting.columns import by_name, renaming
from fitting.errors import BadLaw, BadOption, NonFiniteFitError
from fitting.law.law import Law
from fitting.law.presets import PRESETS
from fitting.result import FittedLaw
from fitting.solve.adrift import adrift
from fitting.solve.data import check_free, law_for, rows_for
from fitting.solve.losses import Loss, parse_loss
from fitting.solve.problem import Box, Problem
from fitting.solve.solver import solve


def fit(
    law: Law | str,
    data: Mapping[str, Any],
    *,
    target: str | None = None,
    loss: Loss | str | None = None,
    bounds: Box | None = None,
    nonnegative: bool | None = None,
    weights: Sequence[float] | str | None = None,
    groups: Sequence[Any] | str | None = None,
    free: Sequence[str] | str = (),
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    starts: int | None = None,
    start: Mapping[str, float] | None = None,
) -> FittedLaw:
    """Best constants of a law for these rows.

    Args:
        law: its text, a `Law`, or the name of a preset (`fitting.law.presets`). Names that are columns of the data are variables, all others are constants.
        data: columns by name (dict, data frame or structured array).
        target: target column; else what stands left of `=` in the law, else L, loss or y.
        loss: None (mean squared error), a `Loss`, or its text such as "huber:1e-3".
        bounds: constant -> (low, high), None for no bound; they are kept. Defaults: an exponent written with a minus
            is in [0.001, 5], other exponents in [-5, 5]; see `fitting.solve.roles` for the rest.
        nonnegative: whether linear constants are kept >= 0. None: amplitudes of powers with free exponents are, a
            constant standing alone beside them is when all targets are positive, and all others are free.
        weights: weight of each row (values or a column); 0 leaves a row out.
        groups: group of each row (values or a column).
        free: constants with one value per group ("all" for all); the others are shared.
        fixed: constants held at given numbers.
        tied: constants made equal to others, {"beta": "alpha"}.
        starts: how many cells of the coarse grid to refine; more where a law has many nonlinear constants.
        start: a point to begin at as well.

    Raises:
        BadLaw, BadData, BadOption (all ValueErrors): what is wrong, where, and what to do.
        NonFiniteFitError: no start led to finite numbers.
    """
    if start is None and isinstance(law, str) and law in PRESETS and not (tied or fixed):
        start = PRESETS[law].start
    if isinstance(law, str) and law in PRESETS and (bounds is None or isinstance(bounds, Mapping)):
        bounds = {**(PRESETS[law].bounds or {}), **(bounds or {})}
        bounds = {
            name: pair for name, pair in bounds.items() if name not in {**(tied or {}), **(fixed or {})}
        }
    law, target = law_for(law, data, target)
    loss = parse_loss(loss)
    if tied:
        law = law.tie(tied)
    if fixed:
        law = law.fix(fixed)
    if not law.constants:
        raise BadOption("fixed: every constant of the law is fixed, nothing is left to fit")
    rows = rows_for(law, data, target, loss, weights, groups)
    try:
        problem = Problem.of(law, rows, loss, bounds, nonnegative, check_free(free, law, rows.labels))
    except BadLaw as error:
        raise BadLaw(f"{error}{renaming(by_name(data), law.constants)}") from None
    theta, batch, best = solve(problem, starts, start)
    if not np.isfinite(batch.objective[best]):
        raise NonFiniteFitError(
            f"no start gave finite numbers for {law.text!r}; give start={{...}} or bounds={{...}} near sensible values"
        )
    converged = bool(batch.converged[best])
    return FittedLaw.of(
        problem, theta, converged, int(batch.steps.sum()), adrift(problem, theta) if converged else []
    )

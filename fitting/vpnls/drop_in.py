"""VPNLS: the surface L = E + A/N**alpha + B/D**beta by variable projection, with vpnls's arguments and results.

`docs/vpnls_differences.md` lists where this differs from vpnls and why. Source: arXiv 2603.22339.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fitting.columns import LEAST, MOST, check_size, numbers
from fitting.errors import BadData, BadOption, NonFiniteFitError
from fitting.solve.losses import Loss, LossType, parse_loss
from fitting.status import FitStatus
from fitting.vpnls import fast, methods
from fitting.vpnls.values import (
    NAMES,
    Bounds,
    FitResult,
    GridResult,
    JaxResult,
    LBFGSBOptions,
    NewtonResult,
    ScipyResult,
)

METHODS = ("newton", "grid", "scipy", "jax")


def fit_vpnls(
    N: ArrayLike,
    D: ArrayLike,
    L: ArrayLike,
    *,
    method: str = "newton",
    bounds: Bounds | None = None,
    loss: Loss | str | None = None,
    max_irls_iter: int = 10,
    resolution: float = 0.01,
    num_workers: int = 1,
    options: LBFGSBOptions | None = None,
    enable_x64: bool = True,
    backend: str = "auto",
) -> FitResult:
    """Fit L = E + A/N**alpha + B/D**beta with E, A, B >= 0.

    Args:
        N, D, L: (n,) parameters, tokens > 0 in any unit, and losses; n >= 4.
        method: "newton" (exact, default): coarse grid, then active-set Newton on all five constants; "grid":
            exhaustive grid of step `resolution`; "scipy", "jax": L-BFGS-B over the exponents from the grid's
            winner (jax is an optional dependency).
        bounds: from `bounds(...)`; all five intervals are kept. Without it E, A, B >= 0 and both exponents lie in
            [0.01, 0.99].
        loss: None or squared() for mean squared error, or huber(delta).
        max_irls_iter: grid: passes of the first look at each Huber cell; cells that could win go on until they
            have converged.
        resolution: step of the grid in alpha and beta.
        num_workers: grid: threads.
        options: L-BFGS-B limits for scipy and jax.
        enable_x64: jax: 64-bit numbers, for the duration of the call; 32 bits give about four digits.
        backend: newton: "numpy", "compiled" (needs Numba) or "auto": compiled after `fitting.vpnls.fast.warm_up()`.

    Raises:
        BadData (a ValueError): unequal lengths, n < 4, N or D not positive, a value not finite, all rows equal.
        BadOption (a ValueError): unknown method, a loss the surface path does not have.
        NonFiniteFitError: the fit left the finite numbers.
    """
    loss = parse_loss(loss)
    if method not in METHODS:
        raise BadOption(f"Unknown method {method!r}; expected one of {', '.join(METHODS)}")
    if loss.type not in (LossType.MSE, LossType.HUBER):
        raise BadOption(f"fit_vpnls has mse and huber; for {loss.type} use fit(law, data, loss=...)")
    if not max_irls_iter >= 1:
        raise BadOption(f"max_irls_iter must be >= 1, got {max_irls_iter!r}")
    if not (isinstance(num_workers, int) and num_workers >= 1):
        raise BadOption(f"num_workers must be an integer >= 1, got {num_workers!r}")
    if not (bounds is None or isinstance(bounds, Bounds)):
        raise BadOption(
            f"bounds: expected what bounds(alpha=(0.1, 0.6), ...) returns, got {type(bounds).__name__}"
        )
    box = _DEFAULT_BOX if bounds is None else bounds.box()
    if method == "newton" and fast.chosen(backend):
        quick = _compiled(N, D, L, box, loss)
        if quick is not None:
            return quick
    N, D, L = check_rows(N, D, L)
    scaled = methods.Problem.of(N, D, L, *box, loss.huber_delta)
    options = options or LBFGSBOptions()
    if method == "newton":
        ended = methods.newton(scaled)
    elif method == "grid":
        ended = methods.grid(scaled, resolution, max_irls_iter, num_workers)
    elif method == "scipy":
        ended = methods.scipy(scaled, resolution, max_irls_iter, options)
    else:
        ended = methods.jax(scaled, resolution, max_irls_iter, options, enable_x64)
    return _result(method, scaled, ended, loss, resolution)


_DEFAULT_BOX = Bounds().box()


def _compiled(N: Any, D: Any, L: Any, box: tuple[np.ndarray, np.ndarray], loss: Loss) -> NewtonResult | None:
    """The compiled fit, or None where it has no answer: rows with faults, bounds on amplitudes, rival optima likely."""
    low, high = box
    if low[:3].any() or high[0] < np.inf or high[1] < np.inf or high[2] < np.inf:
        return None
    if not all(type(column) is np.ndarray and column.dtype == float for column in (N, D, L)):
        N, D, L = (numbers(name, column) for name, column in (("N", N), ("D", D), ("L", L)))
    N, D, L = (np.ascontiguousarray(column).ravel() for column in (N, D, L))
    n = len(L)
    if n < 4 or not len(N) == len(D) == n:
        return None
    # Numba compiles anew for read-only arrays, and nobody asked for that
    N, D, L = (column if column.flags.writeable else column.copy() for column in (N, D, L))
    if not LEAST < max(L.max(), -L.min()) < MOST:
        return None
    solved = fast.solve(N, D, L, low, high, loss.huber_delta)
    if solved is None:
        return None
    x, z, raw, theta, total, steps, fine, rss, inside = solved
    if not (np.isfinite(total) and np.isfinite(raw).all()):
        return None
    if any(methods.doubts(n, theta, low, high, loss.huber_delta, inside)):
        return None
    hit = methods.bound_phrases(theta, low, high)
    if hit:
        status, message = FitStatus.BOUND_HIT, "; ".join(hit)
    elif fine:
        status, message = FitStatus.CONVERGED, "Newton converged"
    else:
        status, message = FitStatus.MAX_ITER, f"Newton stopped after {steps} steps"
    value = total / n * (2.0 if loss.huber_delta == np.inf else 1.0)
    doubts = (*identifiability(x, z), *held(hit))
    E, A, B, alpha, beta = raw.tolist()
    return NewtonResult(E, A, B, alpha, beta, value, rss, n, loss, status, message, steps, warnings=doubts)


COLLINEAR = 0.995  # as in `fitting.uncertainty.diagnose`


def identifiability(x: np.ndarray, z: np.ndarray) -> tuple[str, ...]:
    """What keeps the five constants from being told apart: the rows' centred log N and log D say it alone."""
    found = []
    n, xx, zz, xz = len(x), float(x @ x), float(z @ z), float(x @ z)
    if n <= 5:
        found.append(
            f"{n} rows for 5 constants: other constants fit as well; add rows, or use fit(fixed=, tied=)"
        )
    flat = [name for name, size in (("N", xx), ("D", zz)) if size <= 1e-18 * n]
    if flat:
        found.append(
            f"{flat[0]} is the same in all rows: its constants can't be told from E; use fit(fixed=...)"
        )
    elif abs(xz) > COLLINEAR * (xx * zz) ** 0.5:
        found.append(
            f"N and D move together (correlation of logs {xz / (xx * zz) ** 0.5:.4f}): their terms can't be told apart; "
            "vary them separately, or use fit(fixed=, tied=)"
        )
    return tuple(found)


def held(hit: list[str]) -> tuple[str, ...]:
    """What to know of constants on bounds; that an amplitude is not negative goes without saying."""
    exponents = [text for text in hit if text.startswith(("alpha", "beta"))]
    amplitudes = [text for text in hit if text not in exponents and "clamped" not in text]
    found = []
    if exponents:
        found.append(
            f"{'; '.join(exponents)}: the optimum may lie beyond; widen it with bounds(alpha=(low, high), ...)"
        )
    if amplitudes:
        found.append(
            f"{'; '.join(amplitudes)}: the bound is kept and shapes the fit; vpnls takes bounds on E, A and B but ignores them"
        )
    return tuple(found)


def check_rows(
    N: ArrayLike, D: ArrayLike, L: ArrayLike, least: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows as flat float arrays; an error names what is wrong, in which row, and what to do."""
    N, D, L = (numbers(name, column) for name, column in (("N", N), ("D", D), ("L", L)))
    n = len(L)
    if not len(N) == len(D) == n:
        raise BadData(f"N, D and L must have the same length, got {len(N)}, {len(D)} and {n}")
    if n < least:
        raise BadData(f"expected at least {least} rows, got {n}")
    # one look at sums finds any fault; only then is the row searched for
    with np.errstate(all="ignore"):
        fine = np.isfinite(N.sum() + D.sum() + L.sum()) and N.min() > 0 and D.min() > 0
    if not fine:
        for name, column in (("N", N), ("D", D)):
            bad = np.flatnonzero(~(np.isfinite(column) & (column > 0)))
            if len(bad):
                where = f"{len(bad)} of {n} rows are not (first: row {bad[0]}, {name}={column[bad[0]]})"
                raise BadData(f"{name} must be positive and finite: {where}. Drop them before fitting.")
        bad = np.flatnonzero(~np.isfinite(L))
        if len(bad):
            where = f"{len(bad)} of {n} rows are not (first: row {bad[0]}, L={L[bad[0]]})"
            raise BadData(f"L must be finite: {where}. Drop them before fitting.")
    check_size("L", L)
    if N.min() == N.max() and D.min() == D.max():
        raise BadData(f"all {n} rows have the same N and D: nothing can be fitted; vary N and D")
    return N, D, L


def _result(
    method: str, problem: methods.Problem, ended: methods.Ended, loss: Loss, resolution: float
) -> FitResult:
    theta = problem.raw(ended.theta)
    if not np.isfinite(theta).all():
        raise NonFiniteFitError(
            f"{method}: constants are not finite ({dict(zip(NAMES, theta, strict=True))})"
        )
    residual = problem.residual(ended.theta)
    value = loss.mean(residual)
    if not np.isfinite(value):
        raise NonFiniteFitError(f"{method}: the objective is {value}; check the size of L")
    hit = problem.at_bounds(ended.theta, ended.exact)
    status, message = ended.status, ended.message
    if hit and status != "abnormal":
        status, message = "bound_hit", "; ".join(hit)
    E, A, B, alpha, beta = map(float, theta)
    rss, ended_as = float(residual @ residual), FitStatus(status)
    common = (E, A, B, alpha, beta, value, rss, problem.n, loss, ended_as, message)
    x, z = (c - c.sum() / problem.n for c in (problem.x, problem.z))
    doubts = (*identifiability(x, z), *held(hit))
    if method == "newton":
        return NewtonResult(*common, ended.steps, warnings=doubts)
    if method == "grid":
        return GridResult(*common, resolution, warnings=doubts)
    if method == "scipy":
        return ScipyResult(*common, ended.steps, ended.message, warnings=doubts)
    return JaxResult(*common, ended.steps, warnings=doubts)

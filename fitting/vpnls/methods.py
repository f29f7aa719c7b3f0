"""The four ways to fit the surface: newton, grid, scipy, jax. One problem, one objective, one answer each."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from fitting.arrays import Array
from fitting.errors import FitError
from fitting.vpnls import grid as grids
from fitting.vpnls.surface import Surface, SurfaceFit, coarse_axis, grid_start
from fitting.vpnls.values import LBFGSBOptions

NAMES = ("E", "A", "B", "alpha", "beta")


@dataclass(slots=True)
class Ended:
    """Where a method ended.

    Attributes:
        theta: (5,) constants of the centred problem.
        steps: iterations.
        status: "converged", "max_iter" or "abnormal".
        exact: whether a bound counts only when touched (else: within the last grid line).
    """

    theta: np.ndarray
    steps: int
    status: str
    message: str
    exact: float = 0.0


@dataclass(slots=True)
class Problem:
    """Rows with centred logs: A and B are those of N/exp(x0) and D/exp(z0), of order one."""

    x: np.ndarray
    z: np.ndarray
    y: np.ndarray
    x0: float
    z0: float
    low: np.ndarray
    high: np.ndarray
    delta: float
    surface: Surface

    @staticmethod
    def of(N: Array, D: Array, L: Array, low: Array, high: Array, delta: float) -> Problem:
        x, z = np.log(N), np.log(D)
        # bounds on an amplitude are a box only in the units of the data
        x0 = 0.0 if low[1] > 0 or high[1] < np.inf else float(x.sum()) / len(x)
        z0 = 0.0 if low[2] > 0 or high[2] < np.inf else float(z.sum()) / len(z)
        x -= x0
        z -= z0
        return Problem(x, z, L, x0, z0, low, high, delta, Surface(x, z, L, low, high))

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def free_amplitudes(self) -> bool:
        """Whether E, A, B are only asked not to be negative."""
        return not np.any(self.low[:3] > 0) and bool(np.all(self.high[:3] == np.inf))

    def raw(self, theta: np.ndarray) -> np.ndarray:
        """Constants in the units of the data."""
        out = theta.copy()
        with np.errstate(all="ignore"):
            out[1] *= np.exp(theta[3] * self.x0)
            out[2] *= np.exp(theta[4] * self.z0)
        return out

    def residual(self, theta: np.ndarray) -> np.ndarray:
        return self.surface.residual(theta)

    def at_bounds(self, theta: np.ndarray, margin: float = 0.0) -> list[str]:
        """One phrase per constant that sits on its bound."""
        return bound_phrases(theta, self.low, self.high, margin)


def bound_phrases(theta: np.ndarray, low: np.ndarray, high: np.ndarray, margin: float = 0.0) -> list[str]:
    """One phrase per constant that sits on its bound (exponents: within `margin` of it)."""
    hit = []
    for i, (value, lo, hi) in enumerate(zip(theta.tolist(), low.tolist(), high.tolist(), strict=True)):
        near = margin if i >= 3 else 0.0
        if value <= lo + near:
            clamped = i < 3 and lo == 0
            hit.append(f"{NAMES[i]} clamped at 0" if clamped else f"{NAMES[i]} at its lower bound {lo:g}")
        elif value >= hi - near:
            hit.append(f"{NAMES[i]} at its upper bound {hi:g}")
    return hit


def newton(problem: Problem) -> Ended:
    fit = best_newton(problem)
    if fit.converged:
        return Ended(fit.theta, fit.steps, "converged", "Newton converged")
    return Ended(fit.theta, fit.steps, "max_iter", f"Newton stopped after {fit.steps} steps")


def best_newton(problem: Problem) -> SurfaceFit:
    """Coarse grid, Newton from the best cell, and a second look where that may not be the best optimum."""
    fit = one_newton(problem)
    return fit if problem.delta == np.inf else second_look(problem, fit)


def one_newton(problem: Problem) -> SurfaceFit:
    """Coarse grid, then Newton from the best cell."""
    alphas = coarse_axis(problem.low[3], problem.high[3])
    betas = coarse_axis(problem.low[4], problem.high[4])
    theta, _ = grid_start(problem.x, problem.z, problem.y, alphas, betas)
    if not problem.free_amplitudes:
        u, V = np.exp(-theta[3] * problem.x), np.exp(-theta[4] * problem.z)[None]
        theta[:3] = grids.cells(u, V, problem.y, problem.low[:3], problem.high[:3], np.inf, 50, 0.0)[0][0]
    return problem.surface.fit(theta, problem.delta)


FEW_ROWS, MANY_ROWS = 20, 300  # rivals are a matter of few rows
FEW_INSIDE = 5
LOOK = 12  # lines per exponent of a second look


def doubts(n: int, theta: Array, low: Array, high: Array, delta: float, inside: int) -> tuple[bool, bool]:
    """Whether a fit may have rivals far away (few rows, a constant on its bound) or close by.

    With no more rows inside delta than there are constants, the fit is one of least absolute deviations, whose
    objective has kinks.
    """
    if delta == np.inf or n > MANY_ROWS:
        return False, False
    return n < FEW_ROWS or bool(((theta <= low) | (theta >= high)).any()), inside <= FEW_INSIDE


def second_look(problem: Problem, fit: SurfaceFit) -> SurfaceFit:
    """Where rivals are likely: Newton again from low cells of grids solved for the Huber loss; the best of all."""
    inside = int((np.abs(problem.residual(fit.theta)) <= problem.delta).sum())
    far, close = doubts(problem.n, fit.theta, problem.low, problem.high, problem.delta, inside)
    low, high = problem.low[3:], problem.high[3:]
    if far:
        fit = _from_cells(
            problem, fit, coarse_axis(low[0], high[0], LOOK), coarse_axis(low[1], high[1], LOOK), 3
        )
    if close:
        at = zip(fit.theta[3:], low, high, strict=True)
        apart = np.linspace(-1.0, 1.0, LOOK + 1)
        apart = 1.0 + 0.3 * np.sign(apart) * np.abs(apart) ** 1.5  # denser near the fit
        alphas, betas = (np.unique(np.clip(c * apart, a, b)) for c, a, b in at)
        fit = _from_cells(problem, fit, alphas, betas, 4)
    return fit


def _from_cells(problem: Problem, fit: SurfaceFit, alphas: Array, betas: Array, count: int) -> SurfaceFit:
    """Newton from the lowest cells of a grid that have no lower neighbour."""
    u = np.repeat(np.exp(-np.multiply.outer(alphas, problem.x)), len(betas), axis=0)
    V = np.tile(np.exp(-np.multiply.outer(betas, problem.z)), (len(alphas), 1))
    box = problem.low[:3], problem.high[:3]
    coef, cost = grids.cells(
        u, V, problem.y, *box, problem.delta, 25, 1e-7, np.tile(fit.theta[:3], (len(V), 1))
    )
    table = np.pad(cost.reshape(len(alphas), len(betas)), 1, constant_values=np.inf)
    around = [np.roll(table, shift, axis)[1:-1, 1:-1] for shift in (-1, 1) for axis in (0, 1)]
    lowest = np.flatnonzero(np.all([table[1:-1, 1:-1] <= beside for beside in around], axis=0))
    for cell in lowest[np.argsort(cost[lowest], kind="stable")][:count].tolist():
        i, j = divmod(cell, len(betas))
        start = np.array([*coef[cell], alphas[i], betas[j]])
        other = problem.surface.huber(start, problem.delta, share=0.0)
        other.steps += fit.steps
        if other.objective < fit.objective:
            fit = other
    return fit


def grid(problem: Problem, resolution: float, passes: int, workers: int) -> Ended:
    columns, box = (problem.x, problem.z, problem.y), (problem.low, problem.high)
    alpha, beta = one_newton(problem).theta[3:].tolist()
    theta = grids.search(*columns, *box, resolution, problem.delta, (alpha, beta), passes, workers)
    u, V = np.exp(-theta[3] * problem.x), np.exp(-theta[4] * problem.z)[None]
    # moments cancel on clean data: the winner is solved once more from its columns
    theta[:3] = grids.cells(
        u, V, problem.y, problem.low[:3], problem.high[:3], problem.delta, 100, 0.0, theta[None, :3]
    )[0][0]
    return Ended(
        theta, 0, "converged", f"best cell of the grid of step {resolution:g}", exact=resolution * 0.5
    )


def scipy(problem: Problem, resolution: float, passes: int, options: LBFGSBOptions) -> Ended:
    """L-BFGS-B over the exponents; amplitudes exact inside, so that the envelope gradient holds."""
    start = grid(problem, resolution, passes, 1)

    def objective(exponents: Array) -> tuple[float, Array]:
        theta = _inner(problem, exponents)
        r = problem.residual(theta)
        psi = np.clip(r, -problem.delta, problem.delta)
        u, v = problem.surface.M[1], problem.surface.M[2]
        slope = np.array([theta[1] * (psi @ (problem.x * u)), theta[2] * (psi @ (problem.z * v))])
        return float(psi @ (r - 0.5 * psi)) / scale, slope / scale

    r = problem.residual(start.theta)
    psi = np.clip(r, -problem.delta, problem.delta)
    scale = float(psi @ (r - 0.5 * psi)) or 1.0  # tolerances of L-BFGS-B are absolute: start at 1
    found = minimize(
        objective,
        start.theta[3:],
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(problem.low[3:], problem.high[3:], strict=True)),
        options={"ftol": options.ftol, "gtol": options.gtol, "maxiter": options.maxiter},
    )
    theta = _inner(problem, found.x) if found.fun <= 1.0 else start.theta
    status = {0: "converged", 1: "max_iter"}.get(found.status, "abnormal")
    if status == "abnormal" and found.fun <= 1.0 and np.abs(found.jac).max() <= 1e-5:
        status = "converged"  # no further decrease can be seen in 64 bits
    return Ended(theta, int(found.nit), status, str(found.message))


def _inner(problem: Problem, exponents: np.ndarray) -> np.ndarray:
    """Exact amplitudes at given exponents."""
    u, V = np.exp(-exponents[0] * problem.x), np.exp(-exponents[1] * problem.z)[None]
    coef, _ = grids.cells(u, V, problem.y, problem.low[:3], problem.high[:3], problem.delta, 300, 0.0)
    return np.array([*coef[0], *exponents])


def jax(problem: Problem, resolution: float, passes: int, options: LBFGSBOptions, enable_x64: bool) -> Ended:
    """L-BFGS-B on all five constants with JAX's automatic gradient of the objective itself."""
    try:
        found = importlib.import_module("jax")
    except ImportError:
        raise FitError("method='jax' needs jax: pip install jax, or use method='newton'") from None
    newer = hasattr(found, "enable_x64")  # a context manager that older versions keep under experimental
    switch = found.enable_x64 if newer else importlib.import_module("jax.experimental").enable_x64
    start = grid(problem, resolution, passes, 1)
    with switch(enable_x64):
        np_ = found.numpy
        x, z, y = (np_.asarray(c) for c in (problem.x, problem.z, problem.y))

        def total(theta: Any) -> Any:
            r = y - theta[0] - theta[1] * np_.exp(-theta[3] * x) - theta[2] * np_.exp(-theta[4] * z)
            psi = np_.clip(r, -problem.delta, problem.delta) if problem.delta != np.inf else r
            return np_.sum(psi * (r - 0.5 * psi))

        compiled = found.jit(found.value_and_grad(total))
        scale = float(compiled(start.theta)[0]) or 1.0

        def objective(theta: Array) -> tuple[float, Array]:
            value, slope = compiled(theta)
            return float(value) / scale, np.asarray(slope, dtype=float) / scale

        ended = minimize(
            objective,
            start.theta,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(problem.low, problem.high, strict=True)),
            options={"ftol": options.ftol, "gtol": options.gtol, "maxiter": options.maxiter},
        )
    theta = np.asarray(ended.x) if ended.fun <= 1.0 else start.theta
    status = {0: "converged", 1: "max_iter"}.get(ended.status, "abnormal")
    if status == "abnormal" and ended.fun <= 1.0 and np.abs(ended.jac).max() <= 1e-4:
        status = "converged"
    return Ended(theta, int(ended.nit), status, str(ended.message))

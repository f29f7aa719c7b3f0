"""Joint fits: one model for the trajectories of many runs, linear in features of the run.

    L = z'b0 + z'b1*B(tau) + z'b2*tau

    exp_drift           B = exp(-k*tau)
    power_drift         B = (tau + s)**-a
    gompertz_shoulder   B = exp(-b*exp(-k*tau))

z holds 1, features of the run (centred) and their products. All linear coefficients are projected out; the one or two
shape constants, shared by all runs, are searched in logarithm from several starts.

Source: the joint trajectory models of the Delphi midtraining study (github.com/marin-community/marin): Huber loss with
scale max(0.002, a tenth of the range of the training values), and a small ridge inside the same loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize

from curves.curve import Curve
from fitting.errors import BadData, BadOption

RIDGE = 1e-4
"""Penalty on the squared linear coefficients; it enters the Huber loss as residuals, as in the source."""
LEAST = 30
"""Points that a joint fit needs."""
DELPHI_CENTRES = {"math_fraction": 0.50, "lr_factor": 0.58, "log_C": float(np.log10(3e20))}
BY_FLOP = ("math_fraction", "lr_factor", "math_fraction*lr_factor")
GLOBAL = (*BY_FLOP, "log_C", "log_C*math_fraction", "log_C*lr_factor")


@dataclass(frozen=True, slots=True)
class Shape:
    """B(tau; theta) with bounds of theta; `basis` returns (n,) B and (n, k) its derivatives by ln theta."""

    theta: tuple[str, ...]
    basis: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    low: np.ndarray
    high: np.ndarray


def _exp(tau: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    B = np.exp(-theta[0] * tau)
    return B, (-theta[0] * tau * B)[:, None]


def _power(tau: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s, a = theta
    B = (tau + s) ** -a
    return B, np.column_stack([-a * s * B / (tau + s), -a * np.log(tau + s) * B])


def _gompertz(tau: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    b, k = theta
    inner = b * np.exp(-k * tau)
    B = np.exp(-inner)
    return B, np.column_stack([-inner * B, k * tau * inner * B])


SHAPES = {
    "exp_drift": Shape(("k",), _exp, np.array([0.05]), np.array([50.0])),
    "power_drift": Shape(("s", "a"), _power, np.array([1e-3, 0.05]), np.array([10.0, 10.0])),
    "gompertz_shoulder": Shape(("b", "k"), _gompertz, np.array([0.05, 0.05]), np.array([10.0, 50.0])),
}


@dataclass(frozen=True)
class JointFit:
    """A fitted joint model.

    Attributes:
        form: its shape. theta: shape constants. terms: names of z after the 1. centres: subtracted from features.
        coefficients: (3, 1 + terms) rows b0, b1, b2. delta: Huber scale. n, runs: points and runs fitted.
        objective: minimised loss. at_bound: shape constants on a bound. converged: the solver's word.
    """

    form: str
    theta: dict[str, float]
    terms: tuple[str, ...]
    centres: Mapping[str, float]
    coefficients: np.ndarray
    delta: float
    n: int
    runs: int
    objective: float
    at_bound: tuple[str, ...]
    converged: bool

    def predict(self, curve: Curve, progress: np.ndarray | float = 1.0) -> np.ndarray:
        """(n,) loss of a run at any progress; only its labels, N, D and C are read."""
        tau = np.atleast_1d(np.asarray(progress, dtype=float))
        B, _ = SHAPES[self.form].basis(tau, np.array(list(self.theta.values())))
        b0, b1, b2 = self.coefficients @ features(curve, self.terms, self.centres)
        return np.asarray(b0 + b1 * B + b2 * tau)

    def endpoint(self, curve: Curve) -> float:
        return float(self.predict(curve)[0])


def features(curve: Curve, terms: Sequence[str], centres: Mapping[str, float]) -> np.ndarray:
    """(1 + terms,) z of a run: 1, then each term, a product of features joined by `*`.

    A feature is a numeric label, or log_N, log_D, log_C (base 10); its centre is subtracted where one is given.

    Raises:
        BadData: the run lacks a feature.
    """

    def value(name: str) -> float:
        found: object = curve.labels.get(name)
        if name in ("log_N", "log_D", "log_C") and found is None:
            size = getattr(curve, name[-1])
            found = None if size is None else float(np.log10(size))
        if not isinstance(found, (int, float)):
            have = [k for k, v in curve.labels.items() if isinstance(v, (int, float))]
            raise BadData(
                f"run {curve.run!r}: no numeric feature {name!r}; it has {', '.join(have) or 'none'}"
            )
        return float(found) - centres.get(name, 0.0)

    return np.array([1.0, *(float(np.prod([value(f.strip()) for f in t.split("*")])) for t in terms)])


def fit_joint(
    curves: Sequence[Curve],
    prefix: float,
    form: str = "power_drift",
    terms: Sequence[str] = BY_FLOP,
    centres: Mapping[str, float] = DELPHI_CENTRES,
) -> JointFit:
    """Fit one joint model to the prefixes of all runs.

    Args:
        curves: the runs of the scope, targets included: only points with progress <= prefix are read.
        terms: features and products of features, such as ("mix", "lr", "mix*lr").

    Raises:
        BadOption: an unknown form. BadData: fewer than LEAST points, or a feature is missing.
    """
    if form not in SHAPES:
        raise BadOption(f"form: expected one of {', '.join(SHAPES)}, got {form!r}")
    parts = [c.until(prefix) for c in curves if c.progress[0] <= prefix]
    n = sum(p.n for p in parts)
    if n < LEAST:
        raise BadData(
            f"a joint fit needs {LEAST} points with progress <= {prefix:g}, got {n} of {len(parts)} runs"
        )
    tau = np.concatenate([p.progress for p in parts])
    y = np.concatenate([p.loss for p in parts])
    Z = np.concatenate([np.tile(features(p, terms, centres), (p.n, 1)) for p in parts])
    delta = max(0.002, 0.1 * float(np.ptp(y)))
    projected = _Projected(SHAPES[form], tau, y, Z, delta)
    shape = SHAPES[form]
    low, high = np.log(shape.low), np.log(shape.high)
    inner = [np.linspace(a, b, 9)[1:-1] for a, b in zip(low, high, strict=True)]
    grid = np.array(list(product(*inner)))
    values = [projected(u)[0] for u in grid]
    best = None
    for i in np.argsort(values, kind="stable")[:3]:
        found = minimize(
            projected, grid[i], jac=True, method="L-BFGS-B", bounds=list(zip(low, high, strict=True)),
            options={"maxiter": 300, "ftol": 1e-15, "gtol": 1e-10},
        )  # fmt: skip
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    beta = projected.solve(best.x)[0]
    theta = np.exp(best.x)
    edge = (best.x <= low + 1e-6) | (best.x >= high - 1e-6)
    return JointFit(
        form,
        dict(zip(shape.theta, map(float, theta), strict=True)),
        tuple(terms),
        dict(centres),
        beta.reshape(3, -1),
        delta,
        n,
        len(parts),
        float(best.fun),
        tuple(name for name, on in zip(shape.theta, edge, strict=True) if on),
        bool(np.abs(best.jac[~edge]).max(initial=0.0) < 1e-3 * max(best.fun, 1e-12) + 1e-7),
    )


class _Projected:
    """Least objective over the linear coefficients as a function of ln theta, with its gradient."""

    def __init__(self, shape: Shape, tau: np.ndarray, y: np.ndarray, Z: np.ndarray, delta: float) -> None:
        self.shape, self.tau, self.Z, self.delta = shape, tau, Z, delta
        p = 3 * Z.shape[1]
        self.y = np.concatenate([y, np.zeros(p)])
        self.penalty = RIDGE**0.5 * np.eye(p)
        self.beta: np.ndarray | None = None

    def solve(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(3 m,) coefficients, residuals with the penalty's, their Huber weights, and derivatives of B."""
        B, dB = self.shape.basis(self.tau, np.exp(u))
        X = np.concatenate(
            [np.concatenate([self.Z, self.Z * B[:, None], self.Z * self.tau[:, None]], axis=1), self.penalty]
        )
        beta = self.beta
        w = np.ones(len(X)) if beta is None else self._weights(X @ beta - self.y)
        for _ in range(200):
            root = np.sqrt(w)
            new = np.linalg.lstsq(X * root[:, None], self.y * root, rcond=None)[0]
            residual = X @ new - self.y
            w = self._weights(residual)
            done = beta is not None and np.abs(new - beta).max() <= 1e-11 * (1 + np.abs(new).max())
            beta = new
            if done:
                break
        assert beta is not None
        self.beta = beta
        return beta, residual, w, dB

    def _weights(self, residual: np.ndarray) -> np.ndarray:
        return np.asarray(self.delta / np.maximum(np.abs(residual), self.delta))

    def __call__(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        beta, residual, w, dB = self.solve(u)
        size = np.abs(residual)
        near = np.minimum(size, self.delta)
        n = len(self.tau)
        amplitude = self.Z @ beta.reshape(3, -1)[1]
        gradient = (w[:n] * residual[:n] * amplitude) @ dB
        return float((near * (size - 0.5 * near)).sum()), gradient

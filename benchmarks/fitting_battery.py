"""Sixty laws in the spellings that people use, for `benchmarks/fitting.py --only battery`.

Each law is fitted to random tables in raw units and compared with least squares from many starts: the constants that made
the table, and draws around them, inside the box that the fit reports.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from fitting import FittingError, fit
from fitting.law.law import Law
from fitting.result import FittedLaw

AL, BE = (0.15, 0.6), (0.15, 0.6)  # exponents
FLOOR = (0.3, 2.5)
RANGES: dict[str, tuple[float, float]] = {
    "E": FLOOR, "e": (-1.0, 0.9), "alpha": AL, "beta": BE, "gamma": AL, "delta": (0.1, 0.5), "a": (3.0, 8.0), "b": (3.0, 9.0),
    "k": (0.1, 0.4), "p": (0.3, 0.9), "c": (0.2, 0.8), "s": (0.2, 0.8), "w": (0.15, 0.6), "r": (2.0, 20.0),
}  # fmt: skip
VARIABLES = {  # log10 of the range of each column
    "N": (7.0, 10.5), "D": (9.0, 12.5), "C": (17.0, 22.0), "V": (3.5, 5.5), "U": (8.5, 10.0), "X": (0.0, 2.0), "lr": (-4.5, -2.0),
    "B": (4.0, 6.7), "G": (0.0, 8.0),
}  # fmt: skip
STEPS, FINISHED = 120, 4  # steps from every start, and how many of the best SciPy goes on from
# text, the constants whose range is not in RANGES: (low, high), or "lA*N^alpha": the amplitude that gives a term of 0.2 to 2
TERM = "term"
LAWS: list[tuple[str, dict[str, object]]] = [
    ("E + A*N**-alpha + B*D**-beta", {}),
    ("E + A/N**alpha + B/D**beta", {}),
    ("E + exp(a - alpha*log(N)) + exp(b - beta*log(D))", {}),
    ("exp(e) + exp(a)*N**-alpha + exp(b)*D**-beta", {}),
    ("exp(e) + exp(a - alpha*log(N)) + exp(b - beta*log(D))", {}),
    ("E + 10**(a - alpha*log10(N)) + 10**(b - beta*log10(D))", {"a": (1.3, 3.5), "b": (1.3, 4.0)}),
    ("E + (N_c/N)**alpha + (D_c/D)**beta", {"N_c": (1e6, 1e8), "D_c": (1e7, 1e9)}),
    ("E + A*(N/1e9)**-alpha + B*(D/1e11)**-beta", {"A": (0.1, 1.0), "B": (0.1, 1.0)}),
    ("E + A*exp(-alpha*log(N)) + B*exp(-beta*log(D))", {}),
    ("E + exp(a - alpha*(log(N) - 20)) + exp(b - beta*(log(D) - 25))", {"a": (-2.0, 0.5), "b": (-2.0, 0.5)}),
    ("E + exp(a)/N**alpha + exp(b)/D**alpha", {}),
    ("E + A*N**-alpha", {}),
    ("E + exp(a - alpha*log(N))", {}),
    ("A*N**-alpha", {}),
    ("(N_c/N)**alpha", {"N_c": (1e10, 1e14), "alpha": (0.05, 0.2)}),
    ("exp(a - alpha*log(N))", {"a": (1.0, 4.0), "alpha": (0.03, 0.2)}),
    ("exp(c - alpha*log(N) - beta*log(D))", {"c": (3.0, 6.0), "alpha": (0.02, 0.1), "beta": (0.02, 0.1)}),
    ("A*N**-alpha*D**-beta", {"alpha": (0.02, 0.1), "beta": (0.02, 0.1), "A": (20.0, 200.0)}),
    ("E + A*N**-alpha*D**-beta", {"alpha": (0.05, 0.2), "beta": (0.05, 0.2), "A": (100.0, 3000.0)}),
    ("((N_c/N)**(alpha/beta) + D_c/D)**beta", {"N_c": (1e13, 1e15), "alpha": (0.05, 0.1), "beta": (0.08, 0.15), "D_c": (1e13, 1e14)}),
    ("E + A*N**-alpha + B*D**-beta + K*N**-alpha*D**-beta", {"K": (1e4, 1e5)}),
    ("E + A*N**-alpha + B*N**k*D**-beta", {"k": (0.02, 0.1)}),
    ("E + A*N**-alpha + B*D**-beta + K*V**-gamma", {"K": (1.0, 8.0)}),
    ("E + A*N**-alpha + B*D**-beta + K*log(V)", {"K": (-0.1, 0.1)}),
    ("E + exp(a - alpha*log(N)) + exp(b - beta*log(D)) + exp(c - gamma*log(V))", {"c": (0.5, 3.0)}),
    ("E + A*N**-alpha + B*D**-beta*V**gamma", {"gamma": (-0.2, 0.2)}),
    ("E + A*(N*D)**-alpha", {"alpha": (0.05, 0.15), "A": (20.0, 200.0)}),
    ("E + A*C**-alpha", {"alpha": (0.03, 0.15), "A": (5.0, 50.0)}),
    ("E + (C_0/C)**alpha", {"alpha": (0.03, 0.15), "C_0": (1e13, 1e18)}),
    ("log(exp(a - alpha*log(N)) + exp(b - beta*log(D)) + exp(e))", {}),
    ("log(E + A*N**-alpha + B*D**-beta)", {"E": (1.0, 3.0)}),
    ("(E + A*N**-alpha)**p", {"E": (1.0, 3.0)}),
    ("E + A*(N + S)**-alpha", {"S": (1e7, 1e9)}),
    ("E + A*(1 + N/N_0)**-alpha", {"N_0": (1e7, 1e9), "A": (0.5, 3.0)}),
    ("E + A*(1 + (N/N_0)**p)**-1", {"N_0": (1e8, 1e9), "A": (0.5, 3.0), "p": (0.5, 1.5)}),
    ("E + A*N**-alpha*(1 + (N/N_b)**(1/w))**(-c*w)", {"N_b": (1e8, 3e9)}),
    ("E + A*N**-alpha*(1 + (N/N_b)**(1/w))**(c*w)", {"N_b": (1e8, 3e9), "c": (0.1, 0.3)}),
    ("E + A*N**-alpha + B*(U + U*R*(1 - exp(-(D/U - 1)/R)))**-beta", {"R": (5.0, 30.0)}),
    ("E + A*N**-alpha + B*(D + k*U)**-beta", {"k": (0.5, 10.0)}),
    ("E + A*exp(-k*X)", {"A": (0.5, 3.0), "k": (0.02, 0.2)}),
    ("E + A*exp(-X/tau)", {"A": (0.5, 3.0), "tau": (5.0, 50.0)}),
    ("exp(a*x1 + b*x2 + c)", {"a": (-30.0, 30.0), "b": (-30.0, 30.0), "c": (-3.0, 3.0)}),
    ("A*exp(a*x1 + b*x2)", {"a": (-30.0, 30.0), "b": (-30.0, 30.0), "A": (0.1, 10.0)}),
    ("E + exp(a*x1 + b*x2)", {"a": (-3.0, 3.0), "b": (-3.0, 3.0)}),
    ("c + A*exp(a*x1) + B*exp(b*x2)", {"a": (-4.0, 4.0), "b": (-4.0, 4.0), "A": (0.3, 3.0), "B": (0.3, 3.0), "c": (-1.0, 1.0)}),
    ("E + A*N**-alpha + K*(log(lr) - m)**2", {"K": (0.02, 0.3), "m": (-8.0, -6.0)}),
    ("E + A*N**-alpha + K*(log(lr) - m - s*log(N))**2", {"K": (0.02, 0.3), "m": (1.0, 3.0), "s": (-0.5, -0.3)}),
    ("lr_0*N**-alpha*D**beta", {"lr_0": (0.1, 20.0), "beta": (0.05, 0.3)}),
    ("exp(a + b*log(N) + c*log(D))", {"a": (-3.0, 3.0), "b": (-0.3, 0.3), "c": (-0.3, 0.3)}),
    ("E + A*N**-alpha*G**-gamma", {"gamma": (0.01, 0.05)}),
    ("exp(a + b*log(N) + c*log(X) + s*log(N)*log(X))", {"a": (2.0, 3.0), "b": (-0.1, -0.05), "c": (-0.2, -0.1), "s": (0.003, 0.01)}),
    ("E + (g*X**-gamma + c)*N**-alpha + B*D**-beta", {"g": (100.0, 500.0), "c": (50.0, 300.0)}),
    ("E + A*(N*X**k)**-alpha + B*D**-beta", {"k": (0.1, 0.6)}),
    ("E + A*(N*(1 - exp(-X/g)))**-alpha + B*D**-beta", {"g": (2.0, 8.0)}),
    ("1 - A*exp(-k*log(N))", {"k": (0.05, 0.3)}),
    ("A/(1 + exp(-k*(log(N) - m)))", {"A": (0.6, 1.0), "k": (0.6, 2.0), "m": (18.0, 22.0)}),
    ("c + A*tanh((log(N) - m)/w)", {"A": (0.3, 1.0), "m": (18.0, 22.0), "w": (0.8, 2.5), "c": (-1.0, 1.0)}),
    ("E + A*N**-alpha + B*D**-beta + K*log(B0*V)**2", {"K": (0.001, 0.01), "B0": (0.001, 0.1)}),
    ("exp(e + s*(N/1e9)**gamma) + exp(b + beta*log(N/1e9))*(D/1e9)**-exp(a + k*log(N/1e9))",
     {"e": (0.3, 0.6), "s": (0.05, 0.2), "gamma": (-0.4, -0.2), "b": (0.0, 0.5), "beta": (-0.1, 0.1), "a": (-1.4, -0.9), "k": (-0.05, 0.05)}),
    ("E + sqrt((A*N**-alpha)**2 + (B*D**-beta)**2)", {}),
]  # fmt: skip


def table(index: int, seed: int) -> tuple[Law, dict[str, np.ndarray], dict[str, float]]:
    """A random table of one law: rows in raw units, noise of 0.1 to 3 % of the spread, and the constants behind it."""
    text, own = LAWS[index]
    rng = np.random.default_rng([index, seed])
    n = int(rng.integers(30, 121))
    known = {**VARIABLES, "x1": None, "x2": None}
    constant = set(own)
    law = Law.parse(
        text,
        tuple(
            v
            for v in known
            if v not in constant and not ((v == "B" and "B*" in text) or (v == "B" and "B/" in text))
        ),
    )
    data: dict[str, np.ndarray] = {}
    for v in law.used:
        span = known[v]
        data[v] = rng.uniform(-1.0, 1.0, n) if span is None else 10 ** rng.uniform(*span, n)
    if {"D", "U"} <= set(data):
        data["D"] = np.maximum(data["D"], data["U"])
    for _ in range(100):
        truth = {}
        for c in law.constants:
            span = own.get(c, RANGES.get(c))
            if isinstance(span, tuple):
                low, high = span
                logged = low > 0 and high > 20 * low
                truth[c] = float(
                    np.exp(rng.uniform(np.log(low), np.log(high))) if logged else rng.uniform(low, high)
                )
        for c in law.constants:  # amplitudes of powers: a term of 0.1 to 1 at the middle of the columns
            if c not in truth:
                probe = {**dict.fromkeys(law.constants, 0.0), **truth, c: 1.0}
                base = law.predict({**probe, c: 0.0}, data) if c in law.linear else 0.0
                size = (
                    float(np.median(np.abs(law.predict(probe, data) - base)))
                    if c in law.linear
                    else _size(text, c, truth, data)
                )
                truth[c] = float(rng.uniform(0.1, 1.0)) / max(size, 1e-300)
        clean = law.predict(truth, data)
        if np.isfinite(clean).all() and np.ptp(clean) > 0:
            break
    noise = 10 ** rng.uniform(-3.0, -1.5)
    wide = clean.min() > 0 and clean.max() > 1e4 * clean.min()
    shake = clean * noise if wide else noise * clean.std()
    data["L"] = clean + shake * rng.standard_normal(n)
    return law, data, truth


def _size(text: str, c: str, truth: dict[str, float], data: dict[str, np.ndarray]) -> float:
    """Typical size of the power that a nonlinear amplitude stands before."""
    column, exponent = ("N", "alpha") if c == "A" else ("D", "beta")
    return float(np.median(data[column] ** -truth[exponent]))


def reference(result: FittedLaw, truth: dict[str, float], starts: int, seed: int) -> float:
    """Lowest RSS of least squares from the truth and from draws around it, inside the box of the fit.

    All starts take damped Gauss-Newton steps together; SciPy's trust region then goes on from the truth and the best of them.
    """
    problem, law = result.problem, result.law
    rows = problem.rows
    low, high = problem.low, problem.high
    rng = np.random.default_rng(seed)
    columns = [rows.columns[v] for v in law.used]
    centre = np.array([truth[c] for c in law.constants])
    shaken = centre * np.exp(0.7 * rng.standard_normal((starts - 1, len(centre))))
    edge_low = np.where(np.isfinite(low), low + 1e-9, low)
    edge_high = np.where(np.isfinite(high), high - 1e-9, high)
    points = np.clip(np.vstack([centre, shaken]), edge_low, edge_high)
    before, body = law.program(1)
    prepared = before(columns)

    def full(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals (m, n) and slopes (m, n, P) at constants (m, P)."""
        f, *slopes = body([c[:, None] for c in theta.T], prepared)
        shape = (len(theta), rows.n)
        r = np.nan_to_num(np.broadcast_to(f, shape) - rows.y, nan=1e50, posinf=1e50, neginf=-1e50)
        return r, np.nan_to_num(np.stack([np.broadcast_to(s, shape) for s in slopes], axis=2))

    with np.errstate(all="ignore"):
        ends, cost = _descend(full, points, low, high)
        best = float(cost.min())
        finalists = [0] + [int(i) for i in np.argsort(cost, kind="stable")[:FINISHED]]
        for at in (points[0], *ends[finalists]):
            try:
                found = least_squares(
                    lambda t: full(t[None])[0][0],
                    np.clip(at, edge_low, edge_high),
                    lambda t: full(t[None])[1][0],
                    bounds=(low, high),
                    x_scale="jac",
                    xtol=1e-14,
                    ftol=1e-14,
                    gtol=1e-14,
                    max_nfev=400,
                )
            except (ValueError, np.linalg.LinAlgError):
                continue
            best = min(best, 2.0 * float(found.cost))
    return best


def _descend(
    full: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    theta: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt from many points at once, projected on the box: ends and their sums of squares."""
    theta = theta.copy()
    r, J = full(theta)
    cost = np.einsum("ij,ij->i", r, r)
    damp = np.full(len(theta), 1e-2)
    last = cost.copy()
    for step in range(STEPS):
        norm = np.sqrt(np.einsum("ijk,ijk->ik", J, J))
        norm = np.where((norm > 0) & np.isfinite(norm), norm, 1.0)
        Z = J / norm[:, None, :]
        gram = np.einsum("ijk,ijl->ikl", Z, Z)
        slope = np.einsum("ijk,ij->ik", Z, r)
        held = ((theta <= low) & (slope > 0)) | ((theta >= high) & (slope < 0))
        gram *= ~held[:, :, None] & ~held[:, None, :]
        gram += np.eye(len(low)) * (damp[:, None] + held)[:, :, None]
        move = np.linalg.solve(gram, np.where(held, 0.0, -slope)[..., None])[..., 0] / norm
        there = np.clip(theta + np.nan_to_num(move), low, high)
        r_there, J_there = full(there)
        cost_there = np.einsum("ij,ij->i", r_there, r_there)
        better = cost_there < cost
        theta[better], r[better], J[better], cost[better] = (
            there[better], r_there[better], J_there[better], cost_there[better],
        )  # fmt: skip
        damp = np.clip(np.where(better, damp / 3.0, damp * 4.0), 1e-15, 1e12)
        if step % 20 == 19:
            if not (cost < (1 - 1e-9) * last).any():
                break
            last = cost.copy()
    return theta, cost


def cells(laws: list[int], seeds: range, starts: int, store: Path | None) -> list[dict[str, object]]:
    """One record per law and table; those in `store` (JSON lines) are not computed again."""
    done: dict[tuple[int, int], dict[str, object]] = {}
    if store is not None and store.is_file():
        for line in store.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["starts"] >= starts and record["text"] == LAWS[record["law"]][0]:
                done[record["law"], record["table"]] = record
    out = []
    for seed in seeds:
        for index in laws:
            if (index, seed) not in done:
                record = cell(index, seed, starts)
                done[index, seed] = record
                if store is not None:
                    with store.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(record) + "\n")
            out.append(done[index, seed])
    return out


def cell(index: int, seed: int, starts: int) -> dict[str, object]:
    law, data, truth = table(index, seed)
    record: dict[str, object] = {"law": index, "table": seed, "starts": starts, "text": LAWS[index][0]}
    began = time.process_time()
    try:
        result = fit(law, data)
    except FittingError as error:
        return record | {"status": type(error).__name__, "excess": float("inf"), "ms": 0.0, "worse": True}
    took = time.process_time() - began
    rss = reference(result, truth, starts, seed)
    noise = 1e-20 * float(data["L"] @ data["L"])
    excess = (result.rss + noise) / (rss + noise) - 1
    return record | {
        "status": str(result.status), "excess": excess, "ms": 1e3 * took, "worse": bool(excess > 1e-6),
    }  # fmt: skip

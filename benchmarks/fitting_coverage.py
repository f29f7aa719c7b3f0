"""How often 95 % intervals hold the truth, by kind of interval, loss and noise, for `benchmarks/fitting.py --only coverage`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy import special

from fitting import FittedLaw, fit, huber, profile, simulate_isoflop_data
from fitting.solve.losses import Loss

SURFACE = "E + A*N**-alpha + B*D**-beta"
TRUTH = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
NOISES = ("even", "uneven", "heavy", "clustered")
LOSSES: dict[str, Loss | None] = {"MSE": None, "Huber 0.01": huber(0.01), "Huber 0.001": huber(1e-3)}
FAST, SLOW = ("sandwich", "covariance"), ("profile", "case", "wild")
SIZE = 0.01
FIRST = 100_000  # seeds below it served to make the intervals
RESAMPLES = 199


def rows(noise: str, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """75 rows on five budgets, and the clusters of three rows that share errors in clustered noise.

    Uneven: the standard deviation falls twelvefold from the smallest to the largest budget. Heavy: Student t with three
    degrees of freedom. All have about the same spread.
    """
    N, D, L = simulate_isoflop_data(**TRUTH, noise_std=0.0)
    rng = np.random.default_rng([seed, NOISES.index(noise)])
    n = len(L)
    clusters = np.arange(n) // 3
    if noise == "uneven":
        place = np.log(N * D)
        size = np.exp(2.5 * (place.max() - place) / np.ptp(place))
        e = SIZE * size / np.sqrt(np.mean(size**2)) * rng.standard_normal(n)
    elif noise == "heavy":
        e = SIZE / np.sqrt(3) * rng.standard_t(3, n)
    elif noise == "clustered":
        e = SIZE * (0.8 * rng.standard_normal(n // 3)[clusters] + 0.6 * rng.standard_normal(n))
    else:
        e = SIZE * rng.standard_normal(n)
    return {"N": N, "D": D, "L": L + e}, clusters


def one(noise: str, loss: str, seed: int, slow: bool) -> dict[str, list[bool]]:
    """Whether each interval holds each constant, by kind of interval."""
    data, clusters = rows(noise, seed)
    result = fit(SURFACE, data, loss=LOSSES[loss])
    found = {m: result.intervals(method=m) for m in FAST}
    if noise == "clustered":
        found["sandwich, clusters"] = result.intervals(clusters=clusters)
    if slow:
        for kind in ("case", "wild"):
            found[kind] = result.intervals(method="bootstrap", n=RESAMPLES, kind=kind, seed=seed)
    held = {m: [truth in intervals[name] for name, truth in TRUTH.items()] for m, intervals in found.items()}
    if slow:
        held["profile"] = [_on_profile(result, name, truth) for name, truth in TRUTH.items()]
    return held


def _on_profile(result: FittedLaw, name: str, truth: float) -> bool:
    """Whether the profile interval holds the truth: looked up there alone, since the root rises outwards."""
    line = profile(result, name, np.array([truth]))
    root = abs(float(line.root[np.flatnonzero(line.value == truth)[0]]))
    return bool(root < special.stdtrit(result.n_points - len(TRUTH), 0.975))


def counts(
    noises: list[str], losses: list[str], sets: int, slow: int, store: Path | None
) -> dict[tuple[str, str, str], tuple[int, list[int]]]:
    """(noise, loss, interval) -> sets and hits per constant; sets in `store` (JSON lines) are not computed again."""
    done: dict[tuple[str, str, int], dict[str, list[bool]]] = {}
    if store is not None and store.is_file():
        for line in store.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            done[record["noise"], record["loss"], record["seed"]] = record["held"]
    out: dict[tuple[str, str, str], tuple[int, list[int]]] = {}
    for seed in range(FIRST, FIRST + sets):
        for noise in noises:
            for loss in losses:
                held = done.get((noise, loss, seed))
                if held is None or (seed < FIRST + slow and "profile" not in held):
                    held = one(noise, loss, seed, seed < FIRST + slow)
                    if store is not None:
                        with store.open("a", encoding="utf-8") as file:
                            file.write(
                                json.dumps({"noise": noise, "loss": loss, "seed": seed, "held": held}) + "\n"
                            )
                for kind, hits in held.items():
                    n, total = out.get((noise, loss, kind), (0, [0] * len(TRUTH)))
                    out[noise, loss, kind] = n + 1, [a + b for a, b in zip(total, hits, strict=True)]
    return out

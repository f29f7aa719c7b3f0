"""Other packages beside ours on the same rows, for `benchmarks/fitting.py --only peers`: objective, CPU time, coverage.

Peers are asked for with their own defaults: SciPy's `curve_fit` from many starts, lmfit with starting values of the right size,
simple-scaling-laws 0.2.0 (Python 3.12 or later). What is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import curve_fit

from benchmarks import fitting_coverage as intervals
from fitting import fit

Found = tuple[dict[str, float], dict[str, tuple[float, float]]]
"""Constants and their 95 % intervals."""
STARTS = 30
NAMES = ("E", "A", "alpha", "B", "beta")
LOW, HIGH = [0.0, 0.0, 0.01, 0.0, 0.01], [10.0, 1e6, 2.0, 1e6, 2.0]


def surface(x, E, A, alpha, B, beta):
    return E + A * x[0] ** -alpha + B * x[1] ** -beta


def ours(data: dict[str, np.ndarray]) -> Found:
    result = fit(intervals.SURFACE, data)
    return result.constants, {k: (i.low, i.high) for k, i in result.intervals().items()}


def scipy_starts(data: dict[str, np.ndarray]) -> Found:
    """The best of 30 random starts, intervals from `curve_fit`'s covariance."""
    rng = np.random.default_rng(0)
    x, best = (data["N"], data["D"]), None
    for _ in range(STARTS):
        start = [rng.uniform(0, 3), 10 ** rng.uniform(0, 4), rng.uniform(0.05, 0.8), 10 ** rng.uniform(0, 4), rng.uniform(0.05, 0.8)]  # fmt: skip
        try:
            value, spread = curve_fit(
                surface, x, data["L"], start, bounds=(LOW, HIGH), x_scale="jac", max_nfev=500
            )
        except RuntimeError:
            continue
        rss = float(np.square(data["L"] - surface(x, *value)).sum())
        if best is None or rss < best[0]:
            best = rss, value, np.sqrt(np.diagonal(spread))
    assert best is not None
    _, value, error = best
    return dict(zip(NAMES, value, strict=True)), {
        k: (v - 1.994 * e, v + 1.994 * e) for k, v, e in zip(NAMES, value, error, strict=True)
    }


def lmfit_once(data: dict[str, np.ndarray]) -> Found:
    """One start of the right size, as its manual asks for; intervals from its standard errors."""
    import lmfit

    model = lmfit.Model(surface)
    hints = dict(zip(NAMES, (1.0, 100.0, 0.3, 100.0, 0.3), strict=True))
    model_parameters = model.make_params(**hints)
    for name, low, high in zip(NAMES, LOW, HIGH, strict=True):
        model_parameters[name].set(min=low, max=high)
    found = model.fit(data["L"], model_parameters, x=(data["N"], data["D"]))
    error = {k: p.stderr or np.nan for k, p in found.params.items()}
    values = {k: p.value for k, p in found.params.items()}
    return values, {k: (v - 1.994 * error[k], v + 1.994 * error[k]) for k, v in values.items()}


def simple_laws(data: dict[str, np.ndarray]) -> Found:
    """simple-scaling-laws with its bootstrap of 1,000 draws."""
    import polars
    from simple_scaling_laws import fit as theirs

    frame = polars.DataFrame({
        "training_run_id": [str(i) for i in range(len(data["L"]))],
        "model_size__n_params": data["N"], "dataset_size__n_tokens": data["D"], "test_loss__nats": data["L"],
    })  # fmt: skip
    model = theirs(frame, law="separable-power", seed=0)
    constants, found = model.params("test_loss__nats"), model.conf_int("test_loss__nats")
    # its amplitudes are those of columns divided by their typical size: here they are taken back, without intervals
    terms = [data[x] ** -constants[e] for x, e in (("N", "alpha"), ("D", "beta"))]
    scale = [
        float(np.exp(-constants[e] * np.log(data[x]).mean())) for x, e in (("N", "alpha"), ("D", "beta"))
    ]
    A, B = np.linalg.lstsq(np.column_stack(terms) / scale, data["L"] - constants["E"], rcond=None)[0] / scale
    return constants | {"A": A, "B": B}, {k: found[k] for k in ("E", "alpha", "beta")}


PEERS: dict[str, tuple[str | None, Callable[[dict[str, np.ndarray]], Found]]] = {
    "fitting": (None, ours),
    f"SciPy, {STARTS} starts": (None, scipy_starts),
    "lmfit, one start": ("lmfit", lmfit_once),
    "simple-scaling-laws 0.2.0": ("simple_scaling_laws", simple_laws),
}


def rows(noise: str, sets: int, seconds: float) -> list[tuple[object, ...]]:
    """One row a package: tables done, how far its RSS is above the least of all, CPU milliseconds, coverage in %.

    Args:
        sets: tables for each package.
        seconds: of wall time for each package; what it has not done by then is left out. A single call is not cut.
    """
    tables = [intervals.rows(noise, intervals.FIRST + k)[0] for k in range(sets)]
    everyone = {}
    for name, (needs, call) in PEERS.items():
        if needs and importlib.util.find_spec(needs) is None:
            print(f"  {name}: not installed", flush=True)
            continue
        rss, ms, held = everyone[name] = _one(call, tables, seconds)
        above = np.array(rss) / everyone["fitting"][0][: len(rss)] - 1
        print(
            f"  {name}, {noise}: {len(rss)} tables, {np.median(ms):.1f} ms of processor, RSS above ours by "
            f"{np.median(above):.1e} in the median, {above.max():.1e} at most",
            flush=True,
        )
    least = np.array([min(rss[k] for rss, _, _ in everyone.values() if k < len(rss)) for k in range(sets)])
    out: list[tuple[object, ...]] = []
    for name, (rss, ms, held) in everyone.items():
        n = len(rss)
        above = np.array(rss) / least[:n] - 1
        cover = ["-" if np.isnan(h) else f"{100 * h / n:.0f} %" for h in held]
        ends = f"{np.median(above):.1e}", f"{above.max():.1e}"
        out.append((f"{name}, {noise}", str(n), *ends, float(np.median(ms)), *cover))
    return out


def _one(
    call: Callable[[dict[str, np.ndarray]], Found], tables: list[dict[str, np.ndarray]], seconds: float
) -> tuple[list[float], list[float], np.ndarray]:
    """RSS and CPU milliseconds by table, and how often each constant was held."""
    ends = time.perf_counter() + seconds
    call(tables[0])  # imports and caches
    rss: list[float] = []
    ms: list[float] = []
    held = np.zeros(len(NAMES))
    for data in tables:
        if rss and time.perf_counter() > ends:
            break
        began = time.process_time()
        constants, found = call(data)
        ms.append(1e3 * (time.process_time() - began))
        value = surface((data["N"], data["D"]), *(constants[k] for k in NAMES))
        rss.append(float(np.square(data["L"] - value).sum()))
        held += [
            float(found[k][0] <= intervals.TRUTH[k] <= found[k][1]) if k in found else np.nan for k in NAMES
        ]
    return rss, ms, held

"""Loads and exercises what programs use: a child opens no file, so a library must not load a part of itself at first use.

Modules that a program's text names are loaded for it before the doors close (`load_named`); here it is what they load in
turn. A file opened by one child would change its time of access, which the next child could ask for.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings

SUBPACKAGES = (
    "cluster.vq", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse",
    "sparse.linalg", "spatial", "special", "stats",
)  # fmt: skip

STANDARD = ("ctypes", "decimal", "fractions", "linecache", "tracemalloc", "traceback")
"""Loaded by NumPy's and SciPy's own code, by a warning that is shown, by a traceback."""


def use_once(preloaded: list[str]) -> None:
    """Use the parts of the libraries that load others, as far as the profile has them."""
    for name in STANDARD:
        importlib.import_module(name)
    import numpy as np

    np.random.default_rng(0).normal(size=2)
    np.linalg.lstsq(np.eye(2), np.ones(2), rcond=None)
    np.median(np.arange(3.0))
    np.array2string(np.arange(3.0))
    if "scipy.stats" in preloaded:
        for name in SUBPACKAGES:
            importlib.import_module(f"scipy.{name}")
    if "scipy.optimize" in preloaded:
        use_every_optimiser("scipy.stats" in preloaded)


def use_every_optimiser(with_statistics: bool) -> None:
    """Run each of SciPy's optimisers on a parabola; `shgo` alone loads the statistics."""
    import numpy as np
    from scipy import optimize

    def parabola(x: np.ndarray) -> float:
        return float(np.sum((np.asarray(x) - 0.5) ** 2))

    start, bounds = np.zeros(2), [(-1.0, 1.0)] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in (
            "Nelder-Mead",
            "Powell",
            "CG",
            "BFGS",
            "L-BFGS-B",
            "TNC",
            "COBYLA",
            "SLSQP",
            "trust-constr",
        ):
            optimize.minimize(parabola, start, method=method, options={"maxiter": 2})
        optimize.differential_evolution(parabola, bounds, maxiter=1, popsize=2, seed=0)
        optimize.dual_annealing(parabola, bounds, maxiter=1, seed=0)
        optimize.basinhopping(parabola, start, niter=1, seed=0)
        if with_statistics:
            optimize.shgo(parabola, bounds, iters=1)
        optimize.direct(parabola, bounds, maxiter=1)
        for method in ("trf", "dogbox", "lm"):
            optimize.least_squares(lambda x: x - 0.5, start, method=method)
        optimize.curve_fit(lambda x, a: a * x, np.arange(3.0), np.arange(3.0))
        optimize.nnls(np.eye(2), np.ones(2))
        optimize.lsq_linear(np.eye(2), np.ones(2))
        # linprog is not run: its solver starts threads, one for every two processors, that a fork would lose.
        importlib.import_module("scipy.optimize._linprog_highs")
        optimize.root(lambda x: x, [0.1])
        optimize.minimize_scalar(parabola)
        optimize.brentq(lambda x: x - 0.5, 0, 1)


def load_named(names: list[str]) -> None:
    """Load what a program's text names, before it runs: "scipy.stats.norm" is a module's attribute or a module."""
    for name in names:
        parts = name.split(".")
        if "__main__" in parts:
            continue
        with contextlib.suppress(Exception, SystemExit):
            found = sys.modules.get(parts[0]) or importlib.import_module(parts[0])
            for i, part in enumerate(parts[1:], 2):
                if part not in vars(found):
                    try:
                        found = importlib.import_module(".".join(parts[:i]))
                        continue
                    except ModuleNotFoundError:
                        pass
                found = getattr(found, part)
                if type(found).__name__ != "module":
                    break

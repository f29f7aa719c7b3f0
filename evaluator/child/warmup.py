"""Loads and exercises what programs use, for machines where a child may open no file at all.

Where Landlock is missing, seccomp refuses to open files instead, and a library that loads a part of
itself at first use would then fail. So the zygote uses each part once beforehand.
"""

from __future__ import annotations

import importlib
import warnings

SUBPACKAGES = (
    "cluster.vq", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse",
    "sparse.linalg", "spatial", "special", "stats",
)  # fmt: skip

STANDARD = (
    "concurrent.futures.thread",
    "multiprocessing.pool",
    "multiprocessing.dummy",
    "decimal",
    "fractions",
)


def use_everything_once() -> None:
    """Import SciPy's parts and run each optimiser on a parabola."""
    import numpy as np
    from scipy import optimize

    for name in STANDARD:
        importlib.import_module(name)
    for name in SUBPACKAGES:
        importlib.import_module(f"scipy.{name}")

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
        optimize.shgo(parabola, bounds, iters=1)
        optimize.direct(parabola, bounds, maxiter=1)
        for method in ("trf", "dogbox", "lm"):
            optimize.least_squares(lambda x: x - 0.5, start, method=method)
        optimize.curve_fit(lambda x, a: a * x, np.arange(3.0), np.arange(3.0))
        optimize.nnls(np.eye(2), np.ones(2))
        optimize.lsq_linear(np.eye(2), np.ones(2))
        optimize.linprog([1.0], bounds=[(0, 1)])
        optimize.root(lambda x: x, [0.1])
        optimize.minimize_scalar(parabola)
        optimize.brentq(lambda x: x - 0.5, 0, 1)

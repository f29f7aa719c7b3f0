"""The optional compiled path of `fit_vpnls`, and when it is used.

    from fitting.vpnls import fast
    fast.warm_up()          # asks for it: compiles once, later processes load it from Numba's cache

From then on `fit_vpnls(method="newton")` uses compiled loops in this process. Without `warm_up()` (or
`backend="compiled"`) Numba is never imported and nobody waits for a compilation.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from fitting.arrays import Array
from fitting.errors import BadOption, FitError
from fitting.vpnls.surface import coarse_axis

BACKENDS = ("auto", "numpy", "compiled")
_kernel: tuple[Callable[..., Any], Callable[..., Any]] | None = (
    None  # (fitting.vpnls.kernel_start.prepare, fitting.vpnls.kernel.descend) once loaded
)
_axes: dict[tuple[float, float], np.ndarray] = {}


def available() -> bool:
    """Whether Numba is installed."""
    return importlib.util.find_spec("numba") is not None


def ready() -> bool:
    """Whether the compiled path was asked for in this process and is loaded."""
    return _kernel is not None


def warm_up() -> None:
    """Load the compiled path, compiling it if no cache has it (seconds, once per machine and version).

    Raises:
        FitError: Numba is not installed, or finds no folder for its cache.
    """
    global _kernel
    if _kernel is not None:
        return
    if not available():
        raise FitError("the compiled path needs numba: install the extra 'fast', or use backend='numpy'")
    try:
        prepare = importlib.import_module("fitting.vpnls.kernel_start").prepare
        descend = importlib.import_module("fitting.vpnls.kernel").descend
    except RuntimeError as error:
        why = "set NUMBA_CACHE_DIR to a folder that can be written, or use backend='numpy'"
        raise FitError(f"the compiled path can't be loaded ({error}): {why}") from None
    axis = coarse_axis(0.01, 0.99)
    N, D = np.exp(np.linspace(0, 3, 12)), np.exp(np.sin(np.arange(12.0)))
    low, high = np.array([0, 0, 0, 0.01, 0.01]), np.array([np.inf, np.inf, np.inf, 0.99, 0.99])
    L = 1 + N**-0.5 + D**-0.3
    _, x, z, x0, z0, size, theta = prepare(N, D, L, axis, axis, True)
    descend(x, z, x0, z0, L, size, theta, low, high, 1e-3)
    _kernel = prepare, descend


def chosen(backend: str) -> bool:
    """Whether a fit with this `backend` goes through the compiled path."""
    if backend not in BACKENDS:
        raise BadOption(f"backend: expected one of {', '.join(BACKENDS)}, got {backend!r}")
    if backend == "compiled":
        warm_up()
    return backend != "numpy" and _kernel is not None


def solve(N: Array, D: Array, L: Array, low: Array, high: Array, delta: float) -> tuple[Any, ...] | None:
    """Centred logs, and the compiled fit as `fitting.vpnls.kernel.descend` has it. None: the rows have a fault that the checks will name."""
    assert _kernel is not None, "the compiled path is chosen once it is loaded"
    prepare, descend = _kernel
    alphas, betas = _axis(low[3], high[3]), _axis(low[4], high[4])
    even = bool(high[3] <= 1.2 and high[4] <= 1.2)
    fine, x, z, x0, z0, size, theta = prepare(N, D, L, alphas, betas, even)
    return (x, z, *descend(x, z, x0, z0, L, size, theta, low, high, delta)) if fine else None


def _axis(low: float, high: float) -> np.ndarray:
    key = (float(low), float(high))
    if key not in _axes:
        if len(_axes) > 256:
            _axes.clear()
        _axes[key] = coarse_axis(*key)
    return _axes[key]

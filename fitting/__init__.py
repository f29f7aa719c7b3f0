"""Which constants fit this law best, and how sure are we?

from fitting import fit, huber
result = fit("E + A*N**-alpha + B*D**-beta", data, loss=huber(1e-3))
result.constants, result.status, result.warnings, result.intervals(), result.allocate(C=1e24)

The names in `__all__` are loaded when they are first asked for: whoever only reads laws waits for no solver.
"""

from __future__ import annotations

import sys as _sys
from importlib import import_module as _import_module
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitting.compare import Comparison, Rollout, compare, rollout
    from fitting.errors import BadData, BadLaw, BadOption, FitError, FittingError, NonFiniteFitError
    from fitting.fit import fit
    from fitting.law.law import Law
    from fitting.law.presets import PRESETS, Preset, preset
    from fitting.planning.allocation import (
        Allocation,
        allocate,
        compute_factor,
        deadweight,
        fit_compute_factor,
    )
    from fitting.planning.approaches import (
        ApproachResult,
        approach_1,
        approach_2,
        approach_2_bias,
        approach_3,
    )
    from fitting.result import FittedLaw
    from fitting.saved import from_dict, load
    from fitting.solve.losses import (
        Loss,
        LossFunction,
        LossType,
        asymmetric,
        huber,
        log_huber,
        log_squared,
        parse_loss,
        quantile,
        squared,
    )
    from fitting.solve.plain import to_dict
    from fitting.status import FitStatus
    from fitting.uncertainty.bootstrap import Bootstrap
    from fitting.uncertainty.interval import Interval
    from fitting.uncertainty.intervals import prediction_interval
    from fitting.uncertainty.prediction import FarOut, Prediction
    from fitting.uncertainty.profile import Profile, profile
    from fitting.vpnls.drop_in import fit_vpnls
    from fitting.vpnls.simulate import IsoFlopExperiment, simulate_isoflop_data
    from fitting.vpnls.values import (
        Bounds,
        FitResult,
        GridResult,
        JaxResult,
        LBFGSBOptions,
        LossSurface,
        NewtonResult,
        ScipyResult,
        SurfaceBounds,
        VPNLSResult,
        bounds,
    )

__all__ = [
    "PRESETS",
    "Allocation",
    "ApproachResult",
    "BadData",
    "BadLaw",
    "BadOption",
    "Bootstrap",
    "Bounds",
    "Comparison",
    "FarOut",
    "FitError",
    "FitResult",
    "FitStatus",
    "FittedLaw",
    "FittingError",
    "GridResult",
    "Interval",
    "IsoFlopExperiment",
    "JaxResult",
    "LBFGSBOptions",
    "Law",
    "Loss",
    "LossFunction",
    "LossSurface",
    "LossType",
    "NewtonResult",
    "NonFiniteFitError",
    "Prediction",
    "Preset",
    "Profile",
    "Rollout",
    "ScipyResult",
    "SurfaceBounds",
    "VPNLSResult",
    "allocate",
    "approach_1",
    "approach_2",
    "approach_2_bias",
    "approach_3",
    "asymmetric",
    "bounds",
    "compare",
    "compute_factor",
    "deadweight",
    "fit",
    "fit_compute_factor",
    "fit_vpnls",
    "from_dict",
    "huber",
    "load",
    "log_huber",
    "log_squared",
    "parse_loss",
    "prediction_interval",
    "preset",
    "profile",
    "quantile",
    "rollout",
    "simulate_isoflop_data",
    "squared",
    "to_dict",
]

_HOMES = {
    "Allocation": "planning.allocation",
    "ApproachResult": "planning.approaches",
    "BadData": "errors",
    "BadLaw": "errors",
    "BadOption": "errors",
    "Bootstrap": "uncertainty.bootstrap",
    "Bounds": "vpnls.values",
    "Comparison": "compare",
    "FarOut": "uncertainty.prediction",
    "FitError": "errors",
    "FitResult": "vpnls.values",
    "FitStatus": "status",
    "FittedLaw": "result",
    "FittingError": "errors",
    "GridResult": "vpnls.values",
    "Interval": "uncertainty.interval",
    "IsoFlopExperiment": "vpnls.simulate",
    "JaxResult": "vpnls.values",
    "LBFGSBOptions": "vpnls.values",
    "Law": "law.law",
    "Loss": "solve.losses",
    "LossFunction": "solve.losses",
    "LossSurface": "vpnls.values",
    "LossType": "solve.losses",
    "NewtonResult": "vpnls.values",
    "NonFiniteFitError": "errors",
    "PRESETS": "law.presets",
    "Prediction": "uncertainty.prediction",
    "Preset": "law.presets",
    "Profile": "uncertainty.profile",
    "Rollout": "compare",
    "ScipyResult": "vpnls.values",
    "SurfaceBounds": "vpnls.values",
    "VPNLSResult": "vpnls.values",
    "allocate": "planning.allocation",
    "approach_1": "planning.approaches",
    "approach_2": "planning.approaches",
    "approach_2_bias": "planning.approaches",
    "approach_3": "planning.approaches",
    "asymmetric": "solve.losses",
    "bounds": "vpnls.values",
    "compare": "compare",
    "compute_factor": "planning.allocation",
    "deadweight": "planning.allocation",
    "fit": "fit",
    "fit_compute_factor": "planning.allocation",
    "fit_vpnls": "vpnls.drop_in",
    "from_dict": "saved",
    "huber": "solve.losses",
    "load": "saved",
    "log_huber": "solve.losses",
    "log_squared": "solve.losses",
    "parse_loss": "solve.losses",
    "prediction_interval": "uncertainty.intervals",
    "preset": "law.presets",
    "profile": "uncertainty.profile",
    "quantile": "solve.losses",
    "rollout": "compare",
    "simulate_isoflop_data": "vpnls.simulate",
    "squared": "solve.losses",
    "to_dict": "solve.plain",
}
"""Public name -> the module that holds it."""


class _Front(_ModuleType):
    """This package. `fitting.fit` is the function, also after the module `fitting/fit.py` was imported."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'fitting' has no attribute {name!r}")
        found = getattr(_import_module(f"fitting.{_HOMES[name]}"), name)
        super().__setattr__(name, found)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds an imported module to its package.
        if not (name in _HOMES and isinstance(value, _ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


_sys.modules[__name__].__class__ = _Front

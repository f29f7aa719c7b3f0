"""Which constants fit this law best, and how sure are we?

from fitting import fit, huber
result = fit("E + A*N**-alpha + B*D**-beta", data, loss=huber(1e-3))
result.constants, result.status, result.warnings, result.intervals(), result.allocate(C=1e24)
"""

from fitting.compare import Comparison, Rollout, compare, rollout
from fitting.errors import BadData, BadLaw, BadOption, FitError, FittingError, NonFiniteFitError
from fitting.fit import fit
from fitting.law.law import Law
from fitting.law.presets import PRESETS, Preset, preset
from fitting.planning.allocation import Allocation, allocate, compute_factor, deadweight, fit_compute_factor
from fitting.planning.approaches import ApproachResult, approach_1, approach_2, approach_2_bias, approach_3
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

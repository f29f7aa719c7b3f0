"""Which constants fit this law best, and how sure are we?"""

from fitting.errors import BadData, BadLaw, BadOption, FitError, FittingError, NonFiniteFitError
from fitting.fit import fit
from fitting.law import Law
from fitting.losses import Loss, asymmetric, huber, log_huber, log_squared, parse_loss, quantile, squared
from fitting.simulate import simulate_isoflop_data
from fitting.vpnls import Bounds, LBFGSBOptions, LossSurface, bounds, fit_vpnls

__all__ = [
    "BadData",
    "BadLaw",
    "BadOption",
    "Bounds",
    "FitError",
    "FittingError",
    "LBFGSBOptions",
    "Law",
    "Loss",
    "LossSurface",
    "NonFiniteFitError",
    "asymmetric",
    "bounds",
    "fit",
    "fit_vpnls",
    "huber",
    "log_huber",
    "log_squared",
    "parse_loss",
    "quantile",
    "simulate_isoflop_data",
    "squared",
]

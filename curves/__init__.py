"""Loss curves: where will this run end, and which settings can be trusted to say so?

`fit_curve` fits one form to the seen part of a run; `predict_endpoint` chooses the form by a backtest inside that part
(our default). `backtest`, `best_map` and `target_search` say from when a prediction can be trusted; `fit_endpoint_law`
and `fit_joint` reach across runs; `calibrate` and `interval` give endpoint intervals; `replay_stops` replays decisions.
"""

from curves.backtest import BASELINES, PREFIXES, Prediction, Score, backtest, best_map, score, table
from curves.choice import Forecast, predict_endpoint, predict_endpoints
from curves.curve import Curve
from curves.fit import SOLVERS, VARIANTS, CurveFit, fit_curve, fit_curves
from curves.forms import FORMS, Form
from curves.intervals import Calibration, calibrate, coverage, interval
from curves.joint import BY_FLOP, DELPHI_CENTRES, GLOBAL, SHAPES, JointFit, fit_joint
from curves.laws import (
    LAW_FORMS,
    Endpoint,
    EndpointLaw,
    fit_endpoint_law,
    recipe_laws,
    remark,
    rolling_horizon,
)
from curves.load import SETS, load_curves, load_delphi, load_delphi_endpoints, load_set
from curves.problem import LOSSES
from curves.replay import Replay, replay_stops
from curves.search import TARGETS, Hit, choose_method, search_by_scale, target_search

__all__ = [
    "BASELINES", "BY_FLOP", "DELPHI_CENTRES", "FORMS", "GLOBAL", "LAW_FORMS", "LOSSES", "PREFIXES", "SETS", "SHAPES", "SOLVERS",
    "TARGETS", "VARIANTS", "Calibration", "Curve", "CurveFit", "Endpoint", "EndpointLaw", "Forecast", "Form", "Hit",
    "JointFit", "Prediction", "Replay", "Score", "backtest", "best_map", "calibrate", "choose_method", "coverage",
    "fit_curve", "fit_curves", "fit_endpoint_law", "fit_joint", "interval", "load_curves", "load_delphi",
    "load_delphi_endpoints", "load_set", "predict_endpoint", "predict_endpoints", "recipe_laws", "remark",
    "replay_stops", "rolling_horizon", "score", "search_by_scale", "table", "target_search",
]  # fmt: skip

"""Loss curves: where will this run end, and which settings can be trusted to say so?

`predict_endpoint` is the one predictor (`endpoint`), `public()` or `own_calibration` its one calibration. `Rate` is the
learning rate of a whole run. `fit_curve` fits one form of progress to the seen part of a run, as the published study does;
`backtest`, `best_map` and `target_search` say from when a prediction can be trusted; `fit_endpoint_law` and `fit_joint`
reach across runs; `replay_stops` replays decisions; `schedules` holds laws of whole runs of one model.
"""

from curves.backtest import BASELINES, PREFIXES, Backtested, Score, backtest, best_map, score, table
from curves.calibration import (
    Calibration,
    Interval,
    Ratio,
    coverage,
    forecast,
    own_calibration,
    public,
    ratios,
)
from curves.curve import Curve
from curves.endpoint import Forecast, predict_endpoint, predict_endpoints
from curves.fit import SOLVERS, VARIANTS, CurveFit, fit_curve, fit_curves
from curves.forms import FORMS, Form
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
from curves.rate import KINDS, Rate
from curves.search import TARGETS, Hit, choose_method, search_by_scale, target_search
from curves.stopping import Replay, replay_stops

__all__ = [
    "BASELINES",
    "BY_FLOP",
    "DELPHI_CENTRES",
    "FORMS",
    "GLOBAL",
    "KINDS",
    "LAW_FORMS",
    "LOSSES",
    "PREFIXES",
    "SETS",
    "SHAPES",
    "SOLVERS",
    "TARGETS",
    "VARIANTS",
    "Backtested",
    "Calibration",
    "Curve",
    "CurveFit",
    "Endpoint",
    "EndpointLaw",
    "Forecast",
    "Form",
    "Hit",
    "Interval",
    "JointFit",
    "Rate",
    "Ratio",
    "Replay",
    "Score",
    "backtest",
    "best_map",
    "choose_method",
    "coverage",
    "fit_curve",
    "fit_curves",
    "fit_endpoint_law",
    "fit_joint",
    "forecast",
    "load_curves",
    "load_delphi",
    "load_delphi_endpoints",
    "load_set",
    "own_calibration",
    "predict_endpoint",
    "predict_endpoints",
    "public",
    "ratios",
    "recipe_laws",
    "remark",
    "replay_stops",
    "rolling_horizon",
    "score",
    "search_by_scale",
    "table",
    "target_search",
]  # fmt: skip

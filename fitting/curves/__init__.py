"""Loss curves: where will this run end, and which settings can be trusted to say so?"""

from fitting.curves.curve import Curve
from fitting.curves.fit import SOLVERS, VARIANTS, CurveFit, fit_curve, fit_curves
from fitting.curves.forms import FORMS, Form
from fitting.curves.load import SETS, load_curves, load_delphi, load_set
from fitting.curves.problem import LOSSES

__all__ = [
    "FORMS", "LOSSES", "SETS", "SOLVERS", "VARIANTS", "Curve", "CurveFit", "Form", "fit_curve", "fit_curves", "load_curves",
    "load_delphi", "load_set",
]  # fmt: skip

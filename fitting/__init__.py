"""Which constants fit this law best, and how sure are we?"""

from fitting.errors import BadData, BadLaw, BadOption, FitError, FittingError, NonFiniteFitError
from fitting.law import Law

__all__ = ["BadData", "BadLaw", "BadOption", "FitError", "FittingError", "Law", "NonFiniteFitError"]

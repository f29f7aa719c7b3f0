"""Errors of the fitting library.

FittingError
├── BadLaw              a law that can't be read or can't be fitted; also a ValueError
├── BadData             rows that can't be fitted; also a ValueError
├── BadOption           an argument out of its range; also a ValueError
└── FitError            the data are fine, the fit is not
    └── NonFiniteFitError   the fit left the finite numbers
"""


class FittingError(Exception):
    """Base class: what was expected, what came, where, what to do."""


class BadLaw(FittingError, ValueError):
    """A law that can't be read (the message has the position) or whose constants can't be told apart."""


class BadData(FittingError, ValueError):
    """Rows that can't be fitted: unequal lengths, missing columns, NaN, not positive, all equal."""


class BadOption(FittingError, ValueError):
    """An argument out of its range."""


class FitError(FittingError, RuntimeError):
    """A fit that could not be made."""


class NonFiniteFitError(FitError):
    """A fit whose objective or constants are not finite."""

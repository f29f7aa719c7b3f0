"""How a fit ended."""

from enum import StrEnum


class FitStatus(StrEnum):
    """How a fit ended."""

    CONVERGED = "converged"
    MAX_ITER = "max_iter"
    ABNORMAL = "abnormal"
    BOUND_HIT = "bound_hit"

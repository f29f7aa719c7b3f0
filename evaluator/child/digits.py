"""How exactly a constant reaches the predictions; both sides import this module."""

from __future__ import annotations

import numpy as np

DIGITS = 10
"""Significant digits of a constant that reach the predictions: full precision would let one carry several."""


def rounded(values: np.ndarray) -> np.ndarray:
    """Constants of one group, by `DIGITS` significant digits."""
    return np.array([float(f"{c:.{DIGITS - 1}e}") for c in values.ravel()]).reshape(values.shape)

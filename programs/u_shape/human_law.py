"""Polynomial of degree five in log10 compute, for the easiest questions of a benchmark; six constants.

Easy questions first improve, then get worse, then improve for good, so the source fits them by a
polynomial of degree five. A group with fewer than six levels gets the highest degree that its levels
determine.

Source: Wu and Lo 2024, U-shaped and Inverted-U Scaling behind Emergent Abilities of LLMs, arXiv
2410.01692.
"""

# EVOLVE-BLOCK-START
import numpy as np

DEGREE = 5


def scaling_law_func(data_points, params):
    """Negated Brier score, (n,); params = coefficients of 1, x, ..., x**5 with x = log10 compute."""
    x = np.asarray(data_points, dtype=float).reshape(-1)
    value = np.zeros(len(x))
    for coefficient in np.asarray(params, dtype=float).ravel()[::-1]:
        value = value * x + coefficient
    return value


def fit_scaling_law(data_points, loss_values):
    """Coefficients (6,) of least squared error; the degree drops where a group has too few levels."""
    x, y = np.asarray(data_points, dtype=float).reshape(-1), np.asarray(loss_values, dtype=float).ravel()
    degree = min(DEGREE, len(np.unique(x)) - 1)
    centre, width = x.mean(), max(np.ptp(x) / 2, 1e-12)
    basis = np.polynomial.chebyshev.chebvander((x - centre) / width, degree)
    series = np.polynomial.Chebyshev(
        np.linalg.lstsq(basis, y, rcond=None)[0], [centre - width, centre + width]
    )
    powers = series.convert(kind=np.polynomial.Polynomial, domain=[-1, 1]).coef
    return np.concatenate([powers, np.zeros(DEGREE + 1 - len(powers))])


# EVOLVE-BLOCK-END

"""Programs of the kinds that others publish, each written for the tests: what the original evaluator scores, and we."""

import numpy as np

PLAIN = """
import numpy as np

def scaling_law_func(data_points, params):
    X = np.atleast_2d(np.asarray(data_points, dtype=float))
    return params[0] + params[1] * np.log(X[:, 0]) + params[2] * np.log(X[:, 1])

def fit_scaling_law(data_points, loss_values):
    X = np.atleast_2d(np.asarray(data_points, dtype=float))
    M = np.column_stack([np.ones(len(X)), np.log(X[:, 0]), np.log(X[:, 1])])
    return np.linalg.lstsq(M, np.asarray(loss_values).ravel(), rcond=None)[0]
"""
KINDS = {
    "no markers": PLAIN,
    "markers": "# EVOLVE-BLOCK-START\n" + PLAIN + "\n# EVOLVE-BLOCK-END\n",
    "one marker": "# EVOLVE-BLOCK-START\n" + PLAIN,
    "markers twice": 2 * "# EVOLVE-BLOCK-START\n" + PLAIN + 2 * "# EVOLVE-BLOCK-END\n",
    "attributes after the functions": PLAIN + "\nscaling_law_func.num_params = 3\n",
    "a main part": PLAIN + "\nif __name__ == '__main__':\n    print(open('train.csv').read())\n",
    "a future import and types": "from __future__ import annotations\n" + PLAIN.replace("(data_points, params)", "(data_points: np.ndarray, params: list[float]) -> np.ndarray"),
    "scipy's minimize from many seeded starts": '''
import numpy as np
from scipy.optimize import minimize

def scaling_law_func(data_points, params):
    X = np.asarray(data_points, float)
    E, A, alpha, b = np.asarray(params, float)
    return E + A * X[:, 0] ** -abs(alpha) + b * np.log(X[:, 1])

def fit_scaling_law(data_points, loss_values):
    X, y = np.asarray(data_points, float), np.asarray(loss_values, float)
    rng = np.random.RandomState(42)
    best = None
    for _ in range(3):
        x0 = rng.normal(size=4)
        r = minimize(lambda p: np.mean((scaling_law_func(X, p) - y) ** 2), x0, method="L-BFGS-B")
        if best is None or r.fun < best.fun:
            best = r
    return best.x
''',
    "curve_fit with a fallback": '''
import numpy as np
from scipy.optimize import curve_fit

def scaling_law_func(data_points, params):
    return _f(np.asarray(data_points).T, *params)

def _f(X, a, b, c):
    return a + b * np.log(X[0]) + c * np.log(X[1])

def fit_scaling_law(data_points, loss_values):
    try:
        return curve_fit(_f, data_points.T, loss_values, p0=[1, 0, 0], maxfev=5000)[0]
    except Exception:
        return np.zeros(3)
''',
    "constants as a tuple, predictions as a list": PLAIN.replace("rcond=None)[0]", "rcond=None)[0]").replace(
        "return np.linalg.lstsq", "return tuple(float(c) for c in np.linalg.lstsq"
    ).replace("rcond=None)[0]", "rcond=None)[0])").replace("return params[0]", "return list(params[0]").replace(
        "* np.log(X[:, 1])\n\n", "* np.log(X[:, 1]))\n\n"
    ),
    "a column of predictions": PLAIN.replace("return params[0]", "return (params[0]").replace(
        "* np.log(X[:, 1])\n\n", "* np.log(X[:, 1]))[:, None]\n\n"
    ),
    "other names of arguments": PLAIN.replace("data_points", "x").replace("loss_values", "y").replace("params", "theta"),
    "a class behind the functions": '''
import numpy as np

class Law:
    def design(self, X):
        X = np.asarray(X, float)
        return np.stack([np.ones(len(X)), X[:, 0] ** -0.1, X[:, 1] ** -0.1], axis=1)

_LAW = Law()

def scaling_law_func(data_points, params):
    return _LAW.design(data_points) @ np.asarray(params)

def fit_scaling_law(data_points, loss_values):
    return np.linalg.solve(*(lambda M: (M.T @ M + 1e-6 * np.eye(3), M.T @ loss_values))(_LAW.design(data_points)))
''',
}  # fmt: skip
FROZEN = '''
"""A law with the constants that its author fitted."""
import math
from typing import Dict, List

PARAMS = {"g0": (3.0, 0.1), "g1": (4.02, 0.11)}

def law(input_data: List[Dict[str, float]], group: str) -> List[Dict[str, float]]:
    a, b = PARAMS.get(group, (3.5, 0.1))
    return [{"y0": a - b * math.log(row["x0"] * row["x1"])} for row in input_data]
'''
SEVERAL_TARGETS = """
import numpy as np

def scaling_law_func(data_points, params):
    M = np.stack([np.ones(len(data_points)), np.log(data_points[:, 0]), np.log(data_points[:, 1])], axis=1)
    return M @ np.asarray(params).reshape(3, -1)

def fit_scaling_law(data_points, loss_values):
    M = np.stack([np.ones(len(data_points)), np.log(data_points[:, 0]), np.log(data_points[:, 1])], axis=1)
    return np.linalg.lstsq(M, loss_values, rcond=None)[0]
"""
LOOSE = PLAIN.replace(
    "return np.linalg",
    "noise = 1e-3 * np.random.default_rng().standard_normal(3)\n    return noise + np.linalg",
)


def original(program, task, rows, constants=None):
    """R2 by the original evaluator's arithmetic: fit on each group, predict its rows, pool, NMSE by target, 1 - their mean.

    Constants are rounded to ten digits before they predict, which is our contract.

    Args:
        constants: of each group, instead of those that are fitted here.
    """
    space = {"__name__": "program"}
    exec(compile(program, "program.py", "exec"), space)
    true, said = [], []
    for label, index in rows.by_group():
        X, y = rows.X[index], rows.y[index]
        if "fit_scaling_law" in space:
            mine = dict(task.train.by_group())[label]
            target = task.train.y[mine]
            np.random.seed(0)
            fitted = space["fit_scaling_law"](
                task.train.X[mine].copy(), target[:, 0] if target.shape[1] == 1 else target.copy()
            )
            fitted = np.asarray(fitted if constants is None else constants[label], dtype=float)
            fitted = np.array([float(f"{c:.9e}") for c in fitted.ravel()]).reshape(fitted.shape)
            p = np.asarray(space["scaling_law_func"](X.copy(), fitted), dtype=float).reshape(y.shape)
        else:
            asked = [dict(zip(task.spec.feature_names, map(float, row), strict=True)) for row in X]
            p = np.array([[row[t] for t in task.spec.target_names] for row in space["law"](asked, label)])
        true.append(y)
        said.append(p)
    y, p = np.concatenate(true), np.concatenate(said)
    nmse = np.mean((y - p) ** 2, axis=0) / np.mean((y - y.mean(axis=0)) ** 2, axis=0)
    return float(1 - nmse.mean())

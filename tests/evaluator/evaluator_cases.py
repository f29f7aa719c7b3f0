"""Small tasks, and programs by the bodies of their functions."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import real_rows

from evaluator import Limits
from tasks.rows import Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec

SEED = 20260

QUICK = Limits(fit_cpu_s=1, predict_cpu_s=1, wall_factor=15.0, memory_mb=512)
"""A busy machine gives little processor time in much wall time; only sleepers need a near deadline."""

NEAR_DEADLINE = replace(QUICK, wall_factor=2.0)

GOOD_FIT = """
    A = np.column_stack([np.ones(len(data_points)), np.log(data_points)])
    return np.linalg.lstsq(A, loss_values, rcond=None)[0]
"""
GOOD_LAW = """
    return params[0] + (np.log(data_points) * params[1:]).sum(axis=1)
"""


def program(fit: str = GOOD_FIT, law: str = GOOD_LAW, top: str = "import numpy as np") -> str:
    """A program with these bodies of its two functions."""
    return "\n".join(
        [
            textwrap.dedent(top),
            "# EVOLVE-BLOCK-START",
            "def fit_scaling_law(data_points, loss_values):",
            textwrap.indent(textwrap.dedent(fit).strip("\n"), "    "),
            "def scaling_law_func(data_points, params):",
            textwrap.indent(textwrap.dedent(law).strip("\n"), "    "),
            "# EVOLVE-BLOCK-END",
        ]
    )


def make_rows(n: int = 60, features: int = 2, targets: int = 1, groups: int = 1, seed: int = SEED) -> Rows:
    """Rows of a log-linear law with a little noise; groups have amplitudes of their own."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(1, 100, (n, features))
    group = np.array([f"g{i % groups}" for i in range(n)])
    offset = np.array([int(label[1:]) for label in group])
    y = 3 + offset[:, None] - 0.1 * np.log(X).sum(axis=1)[:, None] * np.arange(1, targets + 1)
    return Rows(X, y + 0.01 * rng.standard_normal((n, targets)), group)


def make_task(budget: int | None = 8, **kwargs) -> Task:
    rows = make_rows(**kwargs)
    spec = TaskSpec(
        name="toy",
        title="toy",
        features=tuple(Column(f"x{i}") for i in range(rows.X.shape[1])),
        targets=tuple(Column(f"y{i}") for i in range(rows.y.shape[1])),
        constants_budget=budget,
    )
    order = np.argsort(rows.X[:, 0])
    cut = int(0.8 * len(rows))
    inner, outer = rows.take(order[:cut]), rows.take(order[cut:])
    return Task(spec, inner, Sealed(outer), Provenance("user", "test", inner.digest(), outer.digest()))


def make_folds(task: Task, shares: tuple[float, ...] = (0.2, 0.4)) -> list:
    n = len(task.train)
    order = np.argsort(task.train.X[:, 0], kind="stable")
    return [
        SimpleNamespace(name=f"outer {share:.0%}", train=order[: round(n * (1 - share))], validation=order[round(n * (1 - share)) :])
        for share in shares
    ]  # fmt: skip


def real_data() -> Path | None:
    """Folder of the benchmark's rows, where this machine has it."""
    return real_rows.folder("SLD_DATA_DIR", "human_law_scores.csv")

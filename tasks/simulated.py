"""Simulated tables: rows drawn from published laws with noise, for developing the choice of laws where the truth is known.

Every number below is from the paper named beside it; designs, noise and seeds are ours. Held-out rows lie beyond the
training rows and carry the same noise. They say how a choice does when the world is a law, and nothing about the world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.errors import UnknownTask
from tasks.rows import Asked, Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec
from tasks.tables import ONE_GROUP

Values = np.ndarray


@dataclass(frozen=True, slots=True)
class Simulation:
    """One law with a design.

    Attributes:
        law: (n, F) features -> (n,) targets without noise.
        levels: values of every feature; the design is their grid.
        keep: (n, F) -> rows of the grid that are run.
        beyond: (n, F) -> rows that are held out.
        noise: standard deviation of the noise in logs.
        source: of the law.
    """

    features: tuple[str, ...]
    axes: tuple[str, ...]
    corner: bool
    law: Callable[[Values], Values]
    levels: tuple[Values, ...]
    keep: Callable[[Values], Values]
    beyond: Callable[[Values], Values]
    noise: float
    source: str
    target: str = "loss"


def _chinchilla(X: Values) -> Values:
    return 1.69 + 406.4 * X[:, 0] ** -0.34 + 410.7 * X[:, 1] ** -0.28


def _replicated(X: Values) -> Values:
    return 1.8172 + 482.01 * X[:, 0] ** -0.3478 + 2085.43 * X[:, 1] ** -0.3658


def _kaplan(X: Values) -> Values:
    return ((8.8e13 / X[:, 0]) ** (0.076 / 0.095) + 5.4e13 / X[:, 1]) ** 0.095


def _repeated(X: Values) -> Values:
    """Equal worth of repeated tokens falls as exp(-repeats / 15.4)."""
    N, D, U = X.T
    worth = U + U * 15.4 * (1 - np.exp(-(D / U - 1) / 15.4))
    loss: Values = 1.87 + 521 * N**-0.35 + 1488 * worth**-0.35
    return loss


def _step_law(X: Values) -> Values:
    """Chinchilla's surface, and a bowl around the best learning rate 1.79 N**-0.713 D**0.307."""
    N, D, rate = X.T
    best = 1.79 * N**-0.713 * D**0.307
    loss: Values = _chinchilla(X) * (1 + 0.01 * np.log(rate / best) ** 2)
    return loss


def _accuracy(X: Values) -> Values:
    """A score that rises from a guess to a ceiling, logistic in the log of compute."""
    score: Values = 0.25 + 0.7 / (1 + np.exp(-1.1 * (np.log10(X[:, 0]) - 22.0)))
    return score


def _everything(X: Values) -> Values:
    return np.ones(len(X), dtype=bool)


def _flops(low: float, high: float) -> Callable[[Values], Values]:
    return lambda X: (6 * X[:, 0] * X[:, 1] >= low) & (6 * X[:, 0] * X[:, 1] <= high)


_N, _D = np.geomspace(2e7, 3e9, 9), np.geomspace(4e8, 6e10, 9)

SIMULATIONS: dict[str, Simulation] = {
    "sim_chinchilla": Simulation(
        ("N", "D"), ("N", "D"), True, _chinchilla, (_N, _D), _flops(1e17, 3e20),
        lambda X: 6 * X[:, 0] * X[:, 1] > 5e19, 0.004, "Hoffmann et al. 2022, arXiv 2203.15556",
    ),
    "sim_replicated": Simulation(
        ("N", "D"), ("N",), False, _replicated, (_N, _D), _everything,
        lambda X: X[:, 0] > 1e9, 0.003, "Besiroglu et al. 2024, arXiv 2404.10102",
    ),
    "sim_kaplan": Simulation(
        ("N", "D"), ("D",), False, _kaplan, (_N, _D), _everything,
        lambda X: X[:, 1] > 2e10, 0.005, "Kaplan et al. 2020, arXiv 2001.08361",
    ),
    "sim_repeated": Simulation(
        ("N", "D", "U"), ("N", "D"), False, _repeated, (_N[::2], _D[2:], _D[::3]),
        lambda X: (X[:, 1] >= X[:, 2]) & (X[:, 1] <= 64 * X[:, 2]),
        lambda X: (X[:, 0] > 1e9) | (X[:, 1] > 2e10), 0.005, "Muennighoff et al. 2023, arXiv 2305.16264",
    ),
    "sim_step_law": Simulation(
        ("N", "D", "rate"), ("N", "D"), True, _step_law, (_N[::2], _D[::2], np.geomspace(1e-4, 1e-2, 7)), lambda X: (X[:, 0] * X[:, 1] < 5e18) | ((X[:, 0] > 5e8) & (X[:, 1] > 1e10)),
        lambda X: (X[:, 0] > 5e8) & (X[:, 1] > 1e10), 0.002, "Li et al. 2025, arXiv 2503.04715; Hoffmann et al. 2022",
    ),
    "sim_accuracy": Simulation(
        ("C",), ("C",), False, _accuracy, (np.geomspace(1e19, 3e24, 24),), _everything,
        lambda X: X[:, 0] > 3e23, 0.02, "the logistic form of Owen 2024, arXiv 2401.04757; constants ours", "score",
    ),
}  # fmt: skip
"""Name -> what its rows are drawn from."""


def simulated_names() -> list[str]:
    return list(SIMULATIONS)


def simulated_rows(name: str) -> tuple[Rows, Rows]:
    """Training and held-out rows in the open, for developing the choice of laws; the same every time.

    Raises:
        UnknownTask: no such simulation.
    """
    if name not in SIMULATIONS:
        raise UnknownTask(f"no simulated task {name!r}; there are {', '.join(SIMULATIONS)}")
    s = SIMULATIONS[name]
    grid = np.stack(np.meshgrid(*s.levels, indexing="ij"), axis=-1).reshape(-1, len(s.features))
    X = np.ascontiguousarray(grid[s.keep(grid)])
    rng = np.random.default_rng(list(SIMULATIONS).index(name))
    y = s.law(X) * np.exp(s.noise * rng.normal(size=len(X)))
    rows = Rows(X, y[:, None], np.full(len(X), ONE_GROUP))
    out = s.beyond(X)
    return rows.take(np.flatnonzero(~out)), rows.take(np.flatnonzero(out))


def load_simulated(name: str) -> Task:
    """A simulated task, its held-out rows sealed.

    Raises:
        UnknownTask: no such simulation.
    """
    train, heldout = simulated_rows(name)
    s = SIMULATIONS[name]
    provenance = Provenance(
        "simulated", f"law of {s.source}", train.digest(), heldout.digest(), True,
        f"simulated from a law of {s.source}, noise {s.noise:g} in logs", False,
    )  # fmt: skip
    return Task(simulated_spec(name), train, Sealed(heldout), provenance, Asked(heldout.X, heldout.group))


def simulated_spec(name: str) -> TaskSpec:
    """The question a simulated task asks."""
    s = SIMULATIONS[name]
    return TaskSpec(
        name=name,
        title=f"simulated: {name.removeprefix('sim_').replace('_', ' ')}",
        features=tuple(Column(f) for f in s.features),
        targets=(Column(s.target),),
        group=None,
        extrapolate=s.axes,
        corner=s.corner,
        split_rule="held-out: the largest levels of the axes",
        lower_is_better=s.target == "loss",
        paper=s.source,
    )

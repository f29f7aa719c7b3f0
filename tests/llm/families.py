"""Made-up rows of every task family, drawn from a law that is known: what a scientist should find."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from harness.proposers.facts import TaskFacts
from harness.proposers.llm.stated import columns_of
from tasks.rows import Rows, Sealed, Task
from tasks.sldbench import SPECS
from tasks.spec import Provenance, TaskSpec

SEED = 2
NOISE = 2e-4


@dataclass(frozen=True)
class Family:
    """A task with rows from a law.

    Attributes:
        law: the true law, as a scientist states it, over features in round units.
        constants: its constants (of each target).
        grid: levels of each feature.
        hidden: of a grid row, whether it is held out.
    """

    law: str
    constants: dict[str, float]
    grid: tuple[tuple[float, ...], ...]
    hidden: str


FAMILIES = {
    "finetune_vocab": Family(
        "E + A*non_vocab_parameters**-a + B*num_characters**-b*(1 + k*log(vocab_size))**-c",
        {"E": 0.4, "A": 0.5, "a": 0.35, "B": 0.9, "b": 0.3, "k": 0.4, "c": 0.6},
        ((3e7, 8e7, 2e8, 5e8), (4e3, 8e3, 1.6e4, 3.2e4, 6.4e4), (1e9, 4e9, 1.6e10)),
        "vocab_size",
    ),
    "sft": Family(
        "E + A*(sft_data_size + s)**-a", {"E": 1.1, "A": 0.8, "s": 0.7, "a": 0.4},
        ((2e2, 4e2, 8e2, 1.6e3, 3.2e3, 6.4e3, 1.28e4, 2.56e4, 5.12e4, 1.02e5, 2.05e5),), "sft_data_size",
    ),
    "domain_mixture": Family("E + A*exp(-k*own)", {"E": 1.6, "A": 1.1, "k": 2.4}, (), ""),
    "moe": Family(
        "E + A*dense_parameter_count**-a*(1 + k*log(1 + num_experts))**-b",
        {"E": 1.7, "A": 0.8, "a": 0.22, "k": 0.8, "b": 0.15},
        ((1, 2, 4, 8, 16, 32, 64), (1.5e7, 3e7, 6e7, 1.2e8, 2.4e8, 4.8e8)), "dense_parameter_count",
    ),
    "data_constrained": Family(
        "E + A*params**-a + B*(unique_tokens + k*unique_tokens*(1 - exp((1 - tokens/unique_tokens)/k)))**-b",
        {"E": 1.9, "A": 0.3, "a": 0.33, "B": 0.8, "b": 0.3, "k": 9.0},
        ((1e9, 4e9, 1.2e10), (1e8, 4e8, 1.6e9), (1.2e10, 2.4e10, 4.8e10, 9.6e10)), "tokens",
    ),
    "lr_bsz": Family(
        "E + A*data_size**-a + B*non_embedding_param_size**-b + C*(log(lr) - m - d*log(non_embedding_param_size))**2",
        {"E": 1.7, "A": 0.5, "a": 0.3, "B": 0.25, "b": 0.35, "C": 0.02, "m": 0.2, "d": -0.3},
        ((5e-4, 1e-3, 2e-3, 4e-3), (64, 256), (2e9, 4e9, 8e9, 1.6e10), (6e7, 1.2e8, 2.4e8, 4.8e8)), "data_size",
    ),
    "parallel": Family(
        "E + A*(num_params*(1 + k*log(parallel_size)))**-a", {"E": 0.7, "A": 0.8, "k": 0.4, "a": 0.2},
        ((5e8, 1e9, 2e9, 4e9), (1, 2, 4, 8)), "parallel_size",
    ),
    "u_shape": Family(
        "c + A*log_flops + B*exp(-((log_flops - t)/w)**2)",
        {"c": -0.4, "A": 0.05, "B": -0.12, "t": 0.6, "w": 0.7},
        (tuple(np.linspace(-1.5, 3.0, 40)),), "log_flops",
    ),
}  # fmt: skip


def spec_of(name: str) -> TaskSpec:
    (spec,) = (s for s in SPECS if s.name == name)
    return spec


def family_task(name: str) -> Task:
    """The task with its made-up rows; the outermost level of one feature is held out."""
    family, spec = FAMILIES[name], spec_of(name)
    rng = np.random.default_rng(SEED)
    if name == "domain_mixture":
        X = rng.dirichlet(np.ones(5), 40)
        held = np.arange(40) >= 32
    else:
        X = np.array(list(itertools.product(*family.grid)))
        if name == "data_constrained":
            X = X[X[:, 2] >= X[:, 0]]
        x = X[:, spec.feature_names.index(family.hidden)]
        held = x >= np.quantile(x, 0.85) if len(family.grid) == 1 else x == x.max()
    group = np.array(["all"] * len(X))
    n_targets = len(spec.targets)
    blank = Rows(X[~held], np.ones((int((~held).sum()), n_targets)) + X[~held, :1] * 0, group[~held])
    facts = TaskFacts.of(spec, blank)
    y = np.column_stack([_values(family, facts, X, t) for t in range(n_targets)])
    y = y + NOISE * rng.normal(size=y.shape)
    train = Rows(X[~held], y[~held], group[~held])
    sealed = Sealed(Rows(X[held], y[held], group[held]))
    return Task(spec, train, sealed, Provenance("folder", "made up", train.digest(), "0" * 16))


def _values(family: Family, facts: TaskFacts, X: np.ndarray, target: int) -> np.ndarray:
    from fitting import Law

    law = Law.parse(family.law, facts.names)
    return law.predict(family.constants, columns_of(facts, X, target))

"""Seeds and programs as texts, the surfaces they claim to fit, and rows to try them on.

The surfaces are written here a second time, from the papers' formulas, so that a program can't agree with
itself alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import real_rows

ROOT = Path(__file__).resolve().parents[2]
SEED = 1862

FOUND = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "programs").glob("*/discovered_law.py"))
"""Laws that searches found; written by `harness promote`."""

PROGRAMS = sorted(
    name
    for folder in ("seeds", "programs")
    for path in (ROOT / folder).glob("*/*.py")
    if (name := str(path.relative_to(ROOT))) not in FOUND
)
"""Texts written by hand."""


@dataclass(frozen=True)
class Shape:
    """What a task gives a program: its official folder, columns, budget, and ranges to draw features from."""

    folder: str
    features: tuple[str, ...]
    targets: tuple[str, ...]
    budget: int | None
    ranges: tuple[tuple[float, float], ...]


DOMAINS = range(1, 6)
SHAPES = {
    "finetune_vocab": Shape(
        "vocab_scaling_law",
        ("non_vocab_parameters", "vocab_size", "num_characters"),
        ("unigram_normalized_loss",),
        7,
        ((3e7, 1.1e9), (4e3, 6.5e4), (2e8, 2.3e11)),
    ),
    "sft": Shape("sft_scaling_law", ("sft_data_size",), ("sft_loss",), 4, ((200, 4.1e5),)),
    "domain_mixture": Shape(
        "domain_mixture_scaling_law",
        tuple(f"proportion_domain_{i}" for i in DOMAINS),
        tuple(f"loss_domain_{i}" for i in DOMAINS),
        35,
        (),
    ),
    "moe": Shape(
        "moe_scaling_law",
        ("num_experts", "dense_parameter_count"),
        ("loss_validation",),
        6,
        ((1, 512), (1.6e7, 3.7e8)),
    ),
    "data_constrained": Shape(
        "data_constrained_scaling_law",
        ("unique_tokens", "params", "tokens"),
        ("loss",),
        7,
        ((1e8, 1.7e11), (7e6, 3.9e9), (1e8, 3e11)),
    ),
    "lr_bsz": Shape(
        "lr_bsz_scaling_law",
        ("lr", "bsz", "data_size", "non_embedding_param_size"),
        ("lm_loss",),
        None,
        ((2.4e-4, 2.2e-2), (16, 2048), (2e9, 1e11), (6e7, 1.1e9)),
    ),
    "parallel": Shape(
        "parallel_scaling_law", ("num_params", "parallel_size"), ("loss",), 4, ((5e8, 4.4e9), (1, 4))
    ),
    "u_shape": Shape("easy_question_scaling_law", ("log_flops",), ("brier_score",), 6, ((-0.9, 2.3),)),
}


def task_of(program: str) -> str:
    return Path(program).parent.name


def text_of(program: str) -> str:
    return (ROOT / program).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Functions:
    """The two functions of a program; `constants` are kept flat, as an evaluator hands them on."""

    fit: Callable
    law: Callable


@cache
def functions(program: str) -> Functions:
    names: dict = {}
    exec(compile(text_of(program), program, "exec"), names)
    return Functions(names["fit_scaling_law"], names["scaling_law_func"])


def fitted(program: str, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Constants of one group, flat; y (n, T) is handed over as (n,) when T is 1."""
    X, y = X.copy(), (y[:, 0] if y.shape[1] == 1 else y).copy()
    X.setflags(write=False)
    y.setflags(write=False)
    return np.asarray(functions(program).fit(X, y), dtype=float).ravel()


def predicted(program: str, X: np.ndarray, constants: np.ndarray, n_targets: int) -> np.ndarray:
    """(n, T) predictions."""
    X = X.copy()
    X.setflags(write=False)
    out = np.asarray(functions(program).law(X, constants), dtype=float)
    assert out.shape == ((len(X),) if n_targets == 1 else (len(X), n_targets))
    return out.reshape(len(X), n_targets)


def drawn(task: str, n: int, seed: int = SEED, stretch: float = 1.0) -> np.ndarray:
    """(n, F) features over the ranges of the task, evenly in logs; `stretch` carries them beyond the top, in logs."""
    rng = np.random.default_rng(seed)
    if task == "domain_mixture":
        X = rng.dirichlet(np.full(5, 0.6), n)
        X[rng.random((n, 5)) < 0.2] = 0.0
        return X / np.maximum(X.sum(axis=1, keepdims=True), 1e-9)
    low, high = np.array(SHAPES[task].ranges).T
    if task == "u_shape":
        return low + (high - low) * stretch * rng.random((n, 1))
    span = np.log(high / low)
    X = np.exp(np.log(low) + stretch * span * rng.random((n, len(low))))
    if task == "data_constrained":
        X[:, 2] = np.maximum(X[:, 2], X[:, 0])
    return X


def data_folder() -> Path | None:
    """Folder of the real rows: SLD_DATA_DIR, or None."""
    return real_rows.folder("SLD_DATA_DIR", *(f"{shape.folder}/train.csv" for shape in SHAPES.values()))


@cache
def groups(task: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Label -> (X, y) of a task's training rows; where they are not at hand, noisy rows of a published law."""
    shape, folder = SHAPES[task], data_folder()
    if folder is None:
        rng = np.random.default_rng(SEED)
        out = {}
        for i, n in enumerate((40, 12, 5)):
            X = drawn(task, n, seed=SEED + i)
            y = SURFACES[f"programs/{task}/human_law.py"](X)
            out[f"g{i}"] = X, y + 0.01 * y.std(axis=0) * rng.standard_normal(y.shape)
        return out
    table = pd.read_csv(folder / shape.folder / "train.csv")
    return {
        label: (rows[list(shape.features)].to_numpy(float), rows[list(shape.targets)].to_numpy(float))
        for label, rows in table.groupby("group", sort=False)
    }


def _column(f: Callable) -> Callable:
    return lambda X: np.asarray(f(*X.T), dtype=float)[:, None]


def _five(f: Callable) -> Callable:
    return lambda X: np.stack([f(X, i) for i in range(5)], axis=1)


def _repeated(U, N, D):
    E, A, B, alpha, beta, RD, RN = 1.9, 520.0, 1500.0, 0.36, 0.34, 15.0, 5.3
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    UN = np.minimum(N, G * (U * G) ** (beta / alpha))
    U = np.minimum(U, D)
    N_worth = UN + UN * RN * (1 - np.exp(-(N / UN - 1) / RN))
    D_worth = U + U * RD * (1 - np.exp(-(D / U - 1) / RD))
    return E + A / N_worth**alpha + B / D_worth**beta


def _routed(X, N):
    a, b, c, d, start, most = -0.09, -0.13, 0.005, 2.7, 3.5, 300.0
    worth = 1 / (1 / (X - 1 + 1 / (1 / start - 1 / most)) + 1 / most)
    return np.exp(a * np.log(N) + b * np.log(worth) + c * np.log(N) * np.log(worth) + d)


def _step(lr, bsz, D, N):
    l0, b0 = 300.0 * N**-0.7 * D**0.05, 2e-4 * D**0.55
    bowl = 300.0 * (lr - l0) ** 2 * N**0.1 * D**0.02
    return (
        1.2 + 60.0 * N**-0.25 + 900.0 * D**-0.33 + bowl + 0.6 * (np.log(bsz) + b0 / bsz) * N**-0.02 * D**-0.1
    )


def _bowls(lr, bsz, D, N):
    u, v = np.log(lr * N**0.6 * D**-0.3), np.log(bsz * D**-0.5)
    return 1.4 + 50 * N**-0.25 + 700 * D**-0.32 + 0.02 * (u - 0.5) ** 2 + 0.01 * (v + 6) ** 2


VOCAB = _column(lambda N, V, D: -5.8 + 12.0 * N**-0.3 + 2e-3 * V**0.5 + 5e3 * D**-0.37)
MIX = np.random.default_rng(SEED).uniform(-1.5, 0.5, (5, 5))
OWN = np.random.default_rng(SEED).uniform(1.0, 3.0, (5, 5))

SURFACES: dict[str, Callable] = {
    "seeds/finetune_vocab/vpnls.py": VOCAB,
    "seeds/finetune_vocab/power_law.py": VOCAB,
    "programs/finetune_vocab/human_law.py": VOCAB,
    "programs/finetune_vocab/additive_power.py": VOCAB,
    "seeds/data_constrained/vpnls.py": _column(
        lambda U, N, D: 1.9 + 40 * U**-0.25 + 500 * N**-0.35 + 1500 * D**-0.33
    ),
    "seeds/data_constrained/power_law.py": _column(
        lambda U, N, D: 1.9 + 40 * U**-0.25 + 500 * N**-0.35 + 1500 * D**-0.33
    ),
    "programs/data_constrained/human_law.py": _column(_repeated),
    "seeds/moe/vpnls.py": _column(lambda X, N: 1.6 + 0.3 * X**-0.2 + 20 * N**-0.25 + 8 * X**-0.2 * N**-0.25),
    "seeds/moe/power_law.py": _column(lambda X, N: 1.6 + 0.3 * X**-0.2 + 20 * N**-0.25),
    "programs/moe/human_law.py": _column(_routed),
    "seeds/parallel/vpnls.py": _column(lambda N, P: 0.8 + 40 * N**-0.2 * P**-0.08),
    "seeds/parallel/power_law.py": _column(lambda N, P: 0.7 + 40 * N**-0.22 + 0.1 * P**-0.22),
    "programs/parallel/human_law.py": _column(
        lambda N, P: 0.75 + (1e7 / (N * (0.35 * np.log(P) + 1))) ** 0.2
    ),
    "seeds/sft/vpnls.py": _column(lambda D: 1.1 + 2.5 * (1 + D / 3000.0) ** -0.4),
    "seeds/sft/power_law.py": _column(lambda D: 1.1 + 12.0 * D**-0.3),
    "programs/sft/human_law.py": _column(lambda D: 1.1 + 600.0 / (170.0 + D**0.5)),
    "seeds/u_shape/vpnls.py": _column(
        lambda x: -(0.2 + 0.1 * 10 ** (-0.6 * x) + 0.3 * np.exp(-(((x - 0.8) / 0.5) ** 2) / 2))
    ),
    "seeds/u_shape/power_law.py": _column(lambda x: -0.3 - 0.2 * 10 ** (-0.6 * x)),
    "programs/u_shape/human_law.py": _column(
        lambda x: -0.4 + 0.1 * x - 0.2 * x**2 + 0.05 * x**3 + 0.04 * x**4 - 0.01 * x**5
    ),
    "seeds/domain_mixture/vpnls.py": _five(
        lambda X, i: X @ OWN[i] + (0.2 + 0.1 * i) * (X[:, i] + 0.02) ** -0.3
    ),
    "seeds/domain_mixture/power_law.py": _five(lambda X, i: 2.0 + 0.1 * ((X + 0.02) ** -0.5) @ OWN[i]),
    "programs/domain_mixture/human_law.py": _five(lambda X, i: 1.5 + 1.2 * np.exp(X @ MIX[i])),
    "seeds/lr_bsz/vpnls.py": _column(_bowls),
    "seeds/lr_bsz/power_law.py": _column(
        lambda lr, bsz, D, N: 1.5 + 0.1 * lr**0.3 + 2.0 * bsz**-0.4 + 700 * D**-0.32 + 50 * N**-0.25
    ),
    "programs/lr_bsz/human_law.py": _column(_step),
}

"""What the fit of one fold found, on one line: errors on fitted and on hidden rows, constants, bounds."""

from __future__ import annotations

import math

import numpy as np

from harness.proposers.facts import TaskFacts
from harness.proposers.formula.render import bound_lines, read
from harness.proposers.llm.stated import Stated
from tasks.rows import Rows

MOST_GROUPS = 3
MOST_CONSTANTS = 9
ON_BOUND = 1e-6


def fit_line(
    facts: TaskFacts,
    program: str,
    name: str,
    fitted: tuple[Rows, np.ndarray | None],
    hidden: tuple[Rows, np.ndarray],
    constants: dict[str, tuple[float, ...]],
) -> str:
    """One fold: relative errors inside and beyond, and the constants of a few groups.

    Args:
        name: the fold's.
        fitted, hidden: rows with predictions; None where the fitted rows could not be predicted.
    """
    inside = f"{relative_error(fitted[0].y, fitted[1]):.2g}" if fitted[1] is not None else "?"
    beyond = f"{relative_error(*_pair(hidden)):.2g}"
    names, box = constant_names(facts, program)
    shown = []
    for label, values in list(constants.items())[:MOST_GROUPS]:
        told = _listed(values, names, box)
        shown.append(f"{label}: {told}" if len(constants) > 1 else told)
    return f"- {name}: rms error {inside} on fitted rows, {beyond} on hidden rows; {'; '.join(shown)}"


def _pair(rows: tuple[Rows, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return rows[0].y, rows[1]


def relative_error(y: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean square error over the targets' spread."""
    spread = y.std(axis=0)
    return float(np.sqrt((((predicted - y) / np.where(spread > 0, spread, 1.0)) ** 2).mean()))


def constant_names(facts: TaskFacts, program: str) -> tuple[tuple[str, ...], dict[str, tuple[float, float]]]:
    """Names of the constants of one target in order, where they are known, and the bounds of a rendered law's."""
    genome = read(program, facts)
    if genome is None:
        return Stated.of_program(program).names, {}
    box = {}
    for line in bound_lines(genome, facts):
        numbers, _, name = line.partition("  # ")
        low, high, _ = numbers.strip("(), ").split(", ")
        box[name] = (float(low), float(high))
    linear = [f"c{i}" for i in range(0 if genome.bias else 1, len(genome.terms) + 1)]
    if genome.choices.non_negative:
        box |= {c: (0.0, math.inf) for c in linear if c != "c0"}
    return (*linear, *(n for n, _ in genome.nonlinear())), box


def _listed(values: tuple[float, ...], names: tuple[str, ...], box: dict[str, tuple[float, float]]) -> str:
    known = names and len(values) % len(names) == 0
    shown = []
    for i, value in enumerate(values[:MOST_CONSTANTS]):
        name = names[i % len(names)] if known else f"p{i}"
        low, high = box.get(name, (-math.inf, math.inf))
        on = any(
            math.isfinite(edge) and abs(value - edge) <= ON_BOUND * max(abs(edge), 1e-3)
            for edge in (low, high)
        )
        shown.append(f"{name}={value:.3g}{' (ON BOUND)' if on else ''}")
    return ", ".join(shown) + (", ..." if len(values) > MOST_CONSTANTS else "")

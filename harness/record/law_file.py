"""A run's law with its constants frozen, in the form that Harbor and Terminal-Bench score: `law(input_data, group)`."""

from __future__ import annotations

import ast
from typing import Any

from evaluator import contract
from harness.errors import HarnessError
from harness.proposers.facts import identifiers
from harness.proposers.formula.naming import readable
from harness.record.run_folder import RunFolder
from tasks import spec

LAW = '''

FEATURES = {features!r}
TARGETS = {targets!r}
CONSTANTS = {constants}


def law(input_data, group):
    """Predictions of rows, one dict by target for each dict by feature; constants are those of the group."""
    params = CONSTANTS[group] if len(CONSTANTS) > 1 else next(iter(CONSTANTS.values()))
    rows = np.array([[float(row[name]) for name in FEATURES] for row in input_data]).reshape(-1, len(FEATURES))
{said}
    return [dict(zip(TARGETS, map(float, values))) for values in said]
'''

ONE_SHAPE = """\
    said = np.asarray(scaling_law_func(rows, np.array(params)), dtype=float).reshape(len(rows), len(TARGETS))"""

MATRIX_TOO = """\
    for shape in ((-1,), (len(TARGETS), -1)):  # a vector, or a row of constants for each target
        try:
            said = np.asarray(scaling_law_func(rows, np.array(params).reshape(shape)), dtype=float)
            said = said.reshape(len(rows), len(TARGETS))
            break
        except (IndexError, TypeError, ValueError):
            if shape[0] > 0:
                raise"""


def law_text(folder: RunFolder) -> str:
    """The run's program as one law with the constants of its fit on all training rows; it needs NumPy and SciPy alone.

    Raises:
        HarnessError: the run has no law, was not scored, or its program needs `fitting`.
    """
    summary = folder.summary()
    if summary is None or summary["law"] is None or not summary.get("constants"):
        raise HarnessError(
            f"{folder.path}: expected a finished run whose law was fitted on all training rows"
        )
    program = folder.program()
    broken = contract.check(program, contract.ALLOWED_MODULES)
    if broken is not None:
        raise HarnessError(f"{folder.path}: its program needs more than NumPy and SciPy ({broken.detail})")
    return frozen_text(program, summary)


def frozen_text(program: str, summary: dict[str, Any]) -> str:
    """`program` without its fit, with the constants of `summary` and a law under it."""
    asked = spec(summary["task"])
    constants = {g: [float(v) for v in values.values()] for g, values in summary["constants"].items()}
    lines = ",\n".join(f"    {group!r}: {values!r}" for group, values in constants.items())
    body = "\n".join(["{", lines + ",", "}"])
    named = readable(summary["law"], identifiers(asked)).text
    head = f"# Written from a run's program: {named}\n# Constants of its fit on the training rows {summary['data']['train_hash']}.\n"
    several = len(asked.target_names)
    matrix = several > 1 and all(len(values) % several == 0 for values in constants.values())
    law = LAW.format(
        features=asked.feature_names,
        targets=asked.target_names,
        constants=body,
        said=MATRIX_TOO if matrix else ONE_SHAPE,
    )
    return _without_fit(program).rstrip("\n") + "\n\n\n" + "import numpy as np\n\n" + head + law.lstrip("\n")


def _without_fit(program: str) -> str:
    """The text without its fit: with both functions it would be fitted anew wherever it is scored."""
    lines = program.splitlines(keepends=True)
    for node in reversed(ast.parse(program).body):
        if isinstance(node, ast.FunctionDef) and node.name == "fit_scaling_law":
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
    return "".join(lines)

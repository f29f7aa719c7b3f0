"""The harness: what do we try next, what have we found, what do we forecast?

From Python, everything a notebook needs:

    from harness import evolve

    run = evolve(df, features=["N", "D"], target="loss", extrapolate="N")
    run.law, run.latex(), run.forecast({"N": [7e9], "D": [1e12]})

The names in `__all__` are loaded when they are first asked for: importing the package loads no library.
"""

from __future__ import annotations

import sys as _sys
from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from pathlib import Path as _Path
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api.boards import leaderboard, score
    from harness.api.estimator import ScalingLaw
    from harness.api.formula import Formula
    from harness.api.question import add_task
    from harness.api.result import Interrupted, Run, load_run, predict
    from harness.api.search import evolve

__all__ = [
    "Formula",
    "Interrupted",
    "Run",
    "ScalingLaw",
    "add_task",
    "evolve",
    "leaderboard",
    "load_run",
    "predict",
    "score",
]

_HOMES = {
    "Formula": "formula",
    "Interrupted": "result",
    "Run": "result",
    "ScalingLaw": "estimator",
    "add_task": "question",
    "evolve": "search",
    "leaderboard": "boards",
    "load_run": "result",
    "predict": "result",
    "score": "boards",
}
"""Public name -> the module of `harness.api` that holds it."""


class _Front(_ModuleType):
    """This package. `harness.evolve` is the function, also after the module `harness/evolve.py` was imported."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'harness' has no attribute {name!r}")
        found = getattr(_import_module(f"harness.api.{_HOMES[name]}"), name)
        super().__setattr__(name, found)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds an imported module to its package; `python -m` needs no such name.
        if not (name in _HOMES and isinstance(value, _ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


_sys.modules[__name__].__class__ = _Front


def _check_not_hidden() -> None:
    """Say so where a file of the user's own has the name of a package of ours.

    `python -m harness.evolve` puts the current folder before the installed packages, so a `tasks.py` there is
    what `import tasks` would find.

    Raises:
        ImportError: with the file and what to do.
    """
    ours = _Path(__file__).resolve().parents[1]
    for name in ("tasks", "evaluator", "tables", "fitting", "curves", "studies", "measure"):
        spec = _find_spec(name)
        place = spec.origin if spec is not None else None
        if place is not None and ours not in _Path(place).resolve().parents:
            raise ImportError(
                f"our package {name!r} is hidden by {place}; use the command `harness`, which does not look in the "
                "current folder, or start from another folder, or rename that file",
                name=__name__,  # so that `python -m` prints the line alone
            )


_check_not_hidden()

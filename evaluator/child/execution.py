"""A program's names and what its functions may return: executed as if nothing had run before, answers checked for their kind.

Imported by `zygote.py` outside the package, so it needs only the standard library and NumPy.
"""

from __future__ import annotations

import builtins
import random
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

SEED = 0


class ForbiddenImport(ImportError):
    """The program asked for a module that is not on the list."""


class Refused(Exception):
    """An answer of the program breaks the contract; carries the failure's name."""

    def __init__(self, failure: str, message: str) -> None:
        super().__init__(message)
        self.failure = failure


def fresh(code: types.CodeType, modules: list[str]) -> dict[str, Any]:
    """Names of a program just executed, as if nothing had run before."""
    module = types.ModuleType("program")
    allowed = frozenset(modules) | {"__future__"}
    real_import = builtins.__import__

    def guarded(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        if level or name.partition(".")[0] not in allowed:
            raise ForbiddenImport(f"may not import {name!r}; allowed are {', '.join(sorted(modules))}")
        return real_import(name, globals, locals, fromlist, level)

    module.__dict__["__builtins__"] = {**builtins.__dict__, "__import__": guarded}
    sys.modules["program"] = module
    seed()
    exec(code, module.__dict__)
    return module.__dict__


def seed() -> None:
    np.random.seed(SEED)
    random.seed(SEED)


def function(names: dict[str, Any], name: str) -> Callable[..., Any]:
    found: Callable[..., Any] | None = names.get(name)
    if found is None or not callable(found):
        raise Refused("missing_function", f"expected a function {name}, found {type(found).__name__}")
    return found


def constants(value: object, most: int) -> np.ndarray:
    array = numbers(value, "fit_scaling_law must return constants as a vector of numbers")
    if array.size > most:
        raise Refused("constants_budget", f"{array.size} constants; at most {most} are allowed")
    return np.atleast_1d(array)


def predictions(value: object, n: int, T: int) -> np.ndarray:
    array = numbers(value, "scaling_law_func must return an array of numbers")
    fits: set[tuple[int, ...]] = {(n, T)}
    if T == 1:
        fits.add((n,))
    if n == 1:  # a single row, squeezed
        fits |= {(T,), ()} if T == 1 else {(T,)}
    if array.shape not in fits:
        wanted = f"({n},) or ({n}, 1)" if T == 1 else f"({n}, {T})"
        raise Refused(
            "wrong_shape", f"scaling_law_func: expected predictions of shape {wanted}, got {array.shape}"
        )
    return array.reshape(n, T)


def numbers(value: object, wanted: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise Refused("wrong_shape", f"{wanted}; got a ragged {type(value).__name__}") from None
    if array.dtype.kind not in "fiub":
        kind = f"an array of {array.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise Refused("wrong_shape", f"{wanted}; got {kind}")
    return np.ascontiguousarray(array, dtype="<f8").reshape(array.shape)

"""Programs that we wrote ourselves, fitted and asked one after the other in one child.

Their text is known to keep nothing between fits, so a child for each would only cost its making. The doors are
closed all the same. Whatever goes wrong is not explained here: the host asks again, the usual way.

Imported by `zygote.py` outside the package, so it needs only the standard library, NumPy and the modules beside it.
"""

from __future__ import annotations

import contextlib
import os
import types
from typing import Any

import execution
import numpy as np
from digits import rounded

BETWEEN = "\n\n\n"
"""What stands between the functions of our programs."""
MOST_CODES = 4096


class Series:
    """Answers one question after the other; each names its program, rows to fit and rows to predict."""

    def __init__(self) -> None:
        self.codes: dict[str, types.CodeType] = {}
        # Opened now: no door for it is open later, and programs have a clock of their own, which takes `getrusage` along.
        self.status = -1
        with contextlib.suppress(OSError):
            self.status = os.open("/proc/self/status", os.O_RDONLY)

    def answer(self, question: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Header, then constants and predictions of each part in order; not `ok` where anything fails."""
        try:
            shapes, values = self._parts(question, np.frombuffer(payload, dtype="<f8"))
        except BaseException:  # the usual way tells what it was
            return {"ok": False}, b""
        return {"ok": True, "shapes": shapes, "peak_kb": self._peak_kb()}, b"".join(
            v.tobytes() for v in values
        )

    def _peak_kb(self) -> int:
        """Largest resident size of this child so far; 0 where the system does not say."""
        if self.status < 0:
            return 0
        told = os.pread(self.status, 8192, 0).partition(b"VmHWM:")[2].split(None, 1)
        return int(told[0]) if told else 0

    def _parts(
        self, question: dict[str, Any], numbers: np.ndarray
    ) -> tuple[list[list[int]], list[np.ndarray]]:
        names = self._names(question["program"])
        fit = execution.function(names, "fit_scaling_law")
        law = execution.function(names, "scaling_law_func")
        F, T = question["features"], question["targets"]
        shapes, values = [], []
        for n, m, most in question["parts"]:
            X, y, asked = np.split(numbers[: n * (F + T) + m * F], [n * F, n * (F + T)])
            numbers = numbers[n * (F + T) + m * F :]
            X, y = X.reshape(n, F).copy(), y.reshape(n, T).copy()
            found = execution.constants(fit(X, y[:, 0] if T == 1 else y), most)
            shapes.append(list(found.shape))
            values.append(found)
            if m:
                values.append(execution.predictions(law(asked.reshape(m, F).copy(), rounded(found)), m, T))
        return shapes, values

    def _names(self, program: str) -> dict[str, Any]:
        """A program's names; what it shares with those before it, to the letter, is compiled once."""
        names: dict[str, Any] = {"__name__": "program"}
        if len(self.codes) > MOST_CODES:
            self.codes.clear()
        for text in program.split(BETWEEN):
            if text not in self.codes:
                self.codes[text] = compile(text, "program.py", "exec", dont_inherit=True)
            exec(self.codes[text], names)
        return names

"""One run as far as it has got: the plain value that a prediction starts from, whoever read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitting.errors import BadData


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of one run, cleaned.

    Attributes:
        name: for the answer. step, loss: (n,) increasing steps > 0 and finite losses. final_step: the planned end.
        lr, tokens, time: (n,) learning rate, tokens trained and seconds, NaN where a row has none; None where not logged.
        last_step: the last step logged, which may be a row taken out of the fit; None: the last row's.
    """

    name: str
    step: np.ndarray
    loss: np.ndarray
    final_step: float
    lr: np.ndarray | None = None
    tokens: np.ndarray | None = None
    time: np.ndarray | None = None
    last_step: float | None = None

    def __post_init__(self) -> None:
        step, loss = np.asarray(self.step, dtype=float), np.asarray(self.loss, dtype=float)
        if step.ndim != 1 or step.shape != loss.shape or len(step) == 0:
            raise BadData(
                f"run {self.name!r}: step and loss need one length >= 1, got {step.shape} and {loss.shape}"
            )
        if not (np.isfinite(step).all() and np.isfinite(loss).all()) or (np.diff(step) <= 0).any():
            raise BadData(f"run {self.name!r}: steps must increase and losses be finite; clean the log first")
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "loss", loss)
        for name in ("lr", "tokens", "time"):
            value = getattr(self, name)
            if value is not None:
                value = np.asarray(value, dtype=float)
                if value.shape != step.shape:
                    raise BadData(f"run {self.name!r}: {name} must match the steps: {value.shape}")
                object.__setattr__(self, name, value)
        if self.last_step is None:
            object.__setattr__(self, "last_step", float(step[-1]))
        if not np.isfinite(self.final_step) or self.final_step < self.last:
            raise BadData(
                f"run {self.name!r}: the planned end, step {self.final_step:,.0f}, is before the last row, step {self.last:,.0f}"
            )

    @property
    def last(self) -> float:
        """The last step logged."""
        return float(self.step[-1]) if self.last_step is None else self.last_step

    @property
    def seen(self) -> float:
        """Share of the run that is behind."""
        return self.last / self.final_step

    @property
    def finished(self) -> bool:
        return self.last >= self.final_step

    @property
    def progress(self) -> np.ndarray:
        return self.step / self.final_step

    def rates(self) -> tuple[np.ndarray, np.ndarray]:
        """Progress and learning rate of the rows that have one."""
        if self.lr is None:
            return np.zeros(0), np.zeros(0)
        known = np.isfinite(self.lr)
        return self.progress[known], self.lr[known]

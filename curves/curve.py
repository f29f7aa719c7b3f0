"""One training run's loss curve: what is fitted, backtested and extrapolated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from curves.rate import Rate
from fitting.errors import BadData


@dataclass(frozen=True, slots=True)
class Curve:
    """Losses of one run over normalised progress.

    Attributes:
        run: the run's id.
        progress: (n,) step / final step, in [0, 1], increasing.
        loss: (n,) finite.
        labels: what the run is, such as mix, lr_factor, scale; values are text or numbers.
        step, tokens, lr: (n,) training step, tokens seen, learning rate at every point, or None.
        N, D, C: parameters, training tokens and compute (FLOPs) of the whole run, or None.
        complete: the last point is the run's end.
        rate: learning rate of the whole run, planned part included; from `lr` where a completed run has it.
    """

    run: str
    progress: np.ndarray
    loss: np.ndarray
    labels: Mapping[str, str | float] = field(default_factory=dict)
    step: np.ndarray | None = None
    tokens: np.ndarray | None = None
    lr: np.ndarray | None = None
    N: float | None = None
    D: float | None = None
    C: float | None = None
    complete: bool = True
    rate: Rate | None = None

    def __post_init__(self) -> None:
        progress, loss = checked(self.progress, self.loss, f"run {self.run!r}")
        object.__setattr__(self, "progress", progress)
        object.__setattr__(self, "loss", loss)
        for name in ("step", "tokens", "lr"):
            value = getattr(self, name)
            if value is not None:
                value = np.asarray(value, dtype=float)
                if value.shape != loss.shape:
                    raise BadData(
                        f"run {self.run!r}: {name} must match the losses: {value.shape} against {loss.shape}"
                    )
                object.__setattr__(self, name, value)
        if self.rate is None and self.lr is not None and self.complete and self.n > 1 and self.lr.any():
            object.__setattr__(self, "rate", Rate(self.progress, self.lr, "logged"))

    @property
    def n(self) -> int:
        return len(self.loss)

    @property
    def final(self) -> float:
        """The last loss: of a completed run, the endpoint."""
        return float(self.loss[-1])

    def until(self, prefix: float, after: float = 0.0) -> Curve:
        """The part with after <= progress <= prefix, as an incomplete run.

        Raises:
            BadData: nothing is left.
        """
        keep = (self.progress <= prefix + 1e-12) & (self.progress >= after)
        if not keep.any():
            raise BadData(f"run {self.run!r}: no point with progress between {after:g} and {prefix:g}")

        def cut(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[keep]

        whole = self.complete and bool(keep[-1])
        return Curve(
            self.run, self.progress[keep], self.loss[keep], self.labels, cut(self.step), cut(self.tokens),
            cut(self.lr), self.N, self.D, self.C, whole, self.rate,
        )  # fmt: skip


def checked(progress: np.ndarray, loss: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Progress and loss as float arrays.

    Raises:
        BadData: lengths differ, there is no point, a number isn't finite, or progress isn't increasing within [0, 1].
    """
    progress, loss = np.asarray(progress, dtype=float), np.asarray(loss, dtype=float)
    if progress.ndim != 1 or progress.shape != loss.shape or len(loss) == 0:
        raise BadData(
            f"{where}: progress and loss need one length >= 1, got shapes {progress.shape} and {loss.shape}"
        )
    bad = ~(np.isfinite(progress) & np.isfinite(loss))
    if bad.any():
        raise BadData(
            f"{where}: {int(bad.sum())} of {len(loss)} points are not finite (first: point "
            f"{int(np.argmax(bad))}); drop them first"
        )
    if progress[0] < 0 or progress[-1] > 1 + 1e-9 or (np.diff(progress) <= 0).any():
        raise BadData(
            f"{where}: progress must increase within [0, 1] (step / final step); sort and drop repeated steps first"
        )
    return progress, loss

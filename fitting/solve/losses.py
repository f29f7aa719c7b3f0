"""What a fit makes small: squared, Huber, their logs, asymmetric and quantile losses.

All are one family. With the residual r = observed - predicted (or the difference of the logs) and c = r clipped
to +-delta, a row costs side * c * (r - c/2): r**2/2 inside delta, straight outside. `side` weighs rows the law lies
above (r < 0, `over`) and below (`under`). A quantile is the limit of small delta.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from fitting.arrays import Array
from fitting.errors import BadOption


class LossType(StrEnum):
    """Names of the losses."""

    MSE = "mse"
    HUBER = "huber"
    LOG_MSE = "log_mse"
    LOG_HUBER = "log_huber"
    ASYMMETRIC = "asymmetric"
    QUANTILE = "quantile"


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss, mean squared error if nothing is said. Make it with `squared`, `huber`, `log_squared`, `log_huber`, `asymmetric` or `quantile`.

    Attributes:
        type: which loss; it settles what the other fields can be, as in vpnls: a delta given to MSE has no effect.
        huber_delta: where it turns straight, in units of the residual; inf for squared, 0 for a quantile. A Huber loss
            without one has 1, a log-Huber 1e-3.
        over, under: weight of rows that the law lies above and below.
        log: whether residuals are log observed - log predicted.
    """

    type: LossType = LossType.MSE
    huber_delta: float = np.inf
    over: float = 1.0
    under: float = 1.0
    log: bool = False

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "type", LossType(self.type))
        except ValueError:
            known = ", ".join(LossType)
            raise BadOption(f"loss: unknown type {self.type!r}; expected one of {known}") from None
        delta = {
            LossType.MSE: np.inf,
            LossType.LOG_MSE: np.inf,
            LossType.QUANTILE: 0.0,
            LossType.HUBER: 1.0 if self.huber_delta == np.inf else self.huber_delta,
            LossType.LOG_HUBER: 1e-3 if self.huber_delta == np.inf else self.huber_delta,
        }.get(self.type, self.huber_delta)
        object.__setattr__(self, "huber_delta", delta)
        object.__setattr__(self, "log", self.log or self.type in (LossType.LOG_MSE, LossType.LOG_HUBER))
        robust = self.type in (LossType.HUBER, LossType.LOG_HUBER)
        if not (self.huber_delta > 0 or (self.huber_delta == 0 and not robust)):
            raise BadOption(f"loss: delta must be > 0, got {self.huber_delta!r}")
        for side in ("over", "under"):
            value = getattr(self, side)
            if not (np.isfinite(value) and value > 0):
                raise BadOption(f"loss: {side} must be finite and > 0, got {value!r}")

    @property
    def two_sided(self) -> bool:
        return self.over == self.under == 1.0

    @property
    def smooth(self) -> bool:
        return self.huber_delta > 0

    def residual(self, y: Array, f: Array) -> Array:
        r: Array = np.log(y) - np.log(f) if self.log else y - f
        return r

    def rows(self, r: Array) -> Array:
        """Cost of each row, as reported: r**2 for squared losses, the Huber or pinball value for the others."""
        side: float | Array = 1.0 if self.two_sided else np.where(r < 0, self.over, self.under)
        if self.huber_delta == np.inf:
            cost: Array = side * r * r
        elif self.huber_delta == 0:
            cost = side * np.abs(r)
        else:
            c = np.clip(r, -self.huber_delta, self.huber_delta)
            cost = side * c * (r - 0.5 * c)
        return cost

    def mean(self, r: np.ndarray, weights: np.ndarray | None = None) -> float:
        """Mean cost, weighted when weights are given."""
        return float(np.average(self.rows(r), weights=weights, axis=-1))

    def describe(self) -> str:
        """The text that `parse_loss` reads back."""
        match self.type:
            case LossType.HUBER | LossType.LOG_HUBER:
                return f"{self.type}:{self.huber_delta:g}"
            case LossType.ASYMMETRIC:
                tail = "" if self.huber_delta == np.inf else f":{self.huber_delta:g}"
                return f"asymmetric:{self.over:g}:{self.under:g}{tail}"
            case LossType.QUANTILE:
                return f"quantile:{self.under / (self.under + self.over):g}"
        return str(self.type)


LossFunction = Loss


def squared() -> Loss:
    """Mean squared error."""
    return Loss()


def huber(delta: float = 1.0) -> Loss:
    """Mean Huber: r**2/2 inside delta, delta*(|r| - delta/2) outside."""
    return Loss(LossType.HUBER, _positive(delta, "huber: delta"))


def log_squared() -> Loss:
    """Squared error of the log: relative errors, for positive targets."""
    return Loss(LossType.LOG_MSE, log=True)


def log_huber(delta: float = 1e-3) -> Loss:
    """Huber of the log, as in the Chinchilla paper (delta 1e-3 there)."""
    return Loss(LossType.LOG_HUBER, _positive(delta, "log_huber: delta"), log=True)


def asymmetric(over: float = 3.0, under: float = 1.0, delta: float | None = None) -> Loss:
    """Squared (or Huber, with delta) error that counts rows the law lies above `over` times, below `under` times.

    A law of the best achievable loss lies below most runs: make `over` the larger.
    """
    return Loss(
        LossType.ASYMMETRIC, np.inf if delta is None else _positive(delta, "asymmetric: delta"), over, under
    )


def quantile(q: float = 0.5) -> Loss:
    """Pinball loss: the law passes above a share q of the rows. q = 0.5 is half the absolute error."""
    if not 0 < q < 1:
        raise BadOption(f"quantile: expected 0 < q < 1, got {q!r}")
    return Loss(LossType.QUANTILE, 0.0, over=1 - q, under=q)


def _positive(value: float, what: str) -> float:
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise BadOption(f"{what} must be a number > 0, got {value!r}") from None
    if not value > 0 or not np.isfinite(value):
        raise BadOption(f"{what} must be finite and > 0, got {value!r}")
    return value


MAKERS = {
    "mse": (squared, 0),
    "squared": (squared, 0),
    "huber": (huber, 1),
    "log_mse": (log_squared, 0),
    "log_squared": (log_squared, 0),
    "log_huber": (log_huber, 1),
    "asymmetric": (asymmetric, 3),
    "quantile": (quantile, 1),
}


def parse_loss(loss: Loss | str | None) -> Loss:
    """A loss from its text: "mse", "huber:1e-3", "log_squared", "log_huber:1e-3", "asymmetric:3:1", "quantile:0.9"."""
    if loss is None:
        return Loss()
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str):
        name, *numbers = loss.replace("-", "_", 1).split(":") if loss.startswith("log-") else loss.split(":")
        if name in MAKERS and len(numbers) <= MAKERS[name][1]:
            try:
                values = [float(x) for x in numbers]
            except ValueError:
                raise BadOption(f"loss {loss!r}: what follows {name!r} must be numbers") from None
            return MAKERS[name][0](*values)
    raise BadOption(
        f"loss: expected one of {', '.join(MAKERS)} (with numbers as in 'huber:1e-3'), got {loss!r}"
    )

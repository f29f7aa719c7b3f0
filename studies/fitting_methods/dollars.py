"""What a wrong allocation costs: deadweight compute loss, in FLOPs and dollars."""

from __future__ import annotations

from dataclasses import dataclass

from fitting import LossSurface
from studies.fitting_methods.surfaces import best_loss, budget_for

H100_FLOPS = 1979e12
UTILISATION = 0.5
DOLLARS_PER_HOUR = 2.0
DOLLARS_PER_FLOP = DOLLARS_PER_HOUR / (3600 * H100_FLOPS * UTILISATION)


@dataclass(frozen=True)
class Cost:
    """Price of training with `D_inferred` tokens, N = C/(6 D), instead of the best allocation.

    Attributes:
        penalty: loss above the best; deadweight: C less the budget that reaches the same loss at best allocation.
    """

    C: float
    D_true: float
    D_inferred: float
    penalty: float
    deadweight: float

    @staticmethod
    def of(truth: LossSurface, C: float, D_inferred: float) -> Cost:
        reached = float(truth.loss(C / (6 * D_inferred), D_inferred))
        penalty = reached - float(best_loss(truth, C))
        return Cost(
            C, float(truth.D_opt(C)), float(D_inferred), penalty, C - float(budget_for(truth, reached))
        )

    @property
    def error(self) -> float:
        """Relative error of the tokens."""
        return self.D_inferred / self.D_true - 1

    @property
    def share(self) -> float:
        """Deadweight as a share of the budget."""
        return self.deadweight / self.C

    @property
    def dollars(self) -> float:
        return self.deadweight * DOLLARS_PER_FLOP

    def row(self) -> dict[str, float]:
        return {
            "D_true": self.D_true,
            "D_inferred": self.D_inferred,
            "D_error_pct": 100 * self.error,
            "loss_penalty": self.penalty,
            "deadweight_flops": self.deadweight,
            "share_pct": 100 * self.share,
            "dollars": self.dollars,
        }

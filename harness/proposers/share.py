"""How formulas and language models share a search: by what has paid off."""

from __future__ import annotations

from harness.proposers.llm.bandit import FADE, gain

LEAST_SHARE = 0.2
"""Neither side gets less than this share of the candidates while both work."""


class Share:
    """What share of candidates models should make: by gain per candidate, old gains fading."""

    def __init__(self) -> None:
        self._gain = {"formula": 0.0, "llm": 0.0}
        self._tries = {"formula": 0.0, "llm": 0.0}
        self.started = {"formula": 0, "llm": 0}

    def start(self, who: str) -> None:
        self.started[who] += 1

    def learn(self, who: str, best_before: float | None, error: float | None) -> None:
        """A candidate of `who` was scored (`error`) or failed (None)."""
        for name in self._gain:
            self._gain[name] *= FADE
            self._tries[name] *= FADE
        self._tries[who] += 1
        if best_before is not None and error is not None:
            self._gain[who] += gain(best_before, error)

    def of_llm(self) -> float:
        """Share in [LEAST_SHARE, 1 - LEAST_SHARE]; a half while nobody has gained."""
        rate = {name: (self._gain[name] + 0.01) / (self._tries[name] + 1.0) for name in self._gain}
        share = rate["llm"] / (rate["llm"] + rate["formula"])
        return min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)

    def llm_may(self, lead: int) -> bool:
        """Whether models may start one more, `lead` candidates beyond their share at most."""
        return self.started["llm"] + 1 <= self.of_llm() * (sum(self.started.values()) + 1) + lead

    def formula_may(self, lead: int) -> bool:
        return self.started["formula"] + 1 <= (1 - self.of_llm()) * (sum(self.started.values()) + 1) + lead

"""What a search remembers for its prompts: outcomes, failures, terms tried often, the memo."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from evaluator.outcome import Failed, Outcome, Scored
from harness.search.archive import Member
from harness.search.candidate import Candidate

RECENT = 80
MOST_HELPED = 12


@dataclass(frozen=True, slots=True)
class Failure:
    """A candidate that failed, or an answer that could not be used."""

    label: str
    reason: str
    detail: str
    traceback: str = ""


@dataclass(slots=True)
class Memory:
    """Rebuilt from a journal by telling it the same things in the same order.

    Attributes:
        scored: candidate id -> outcome.
        patterns: candidate id -> lines on where it goes wrong.
        failures: the latest, oldest first.
        helped: changes that improved on their parent, as lines.
        memo: what the last reflection wrote.
        memo_at: evaluations told when it was asked for.
        told: evaluations told.
    """

    scored: dict[str, Scored] = field(default_factory=dict)
    patterns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=20))
    helped: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_HELPED))
    memo: str = ""
    memo_at: int = 0
    told: int = 0
    _terms: deque[tuple[tuple[str, ...], float]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def tell(
        self,
        candidate: Candidate,
        outcome: Outcome,
        member: Member | None,
        parent: Member | None,
        patterns: tuple[str, ...],
    ) -> None:
        """An evaluation; `member` is the candidate's own, None where it failed."""
        self.told += 1
        if isinstance(outcome, Failed):
            label = f"{candidate.id} ({candidate.draft.edit})"
            self.failures.append(Failure(label, outcome.failure.value, outcome.detail, outcome.traceback))
            return
        self.scored[candidate.id] = outcome
        self.patterns[candidate.id] = patterns
        if member is None:
            return
        if candidate.law:
            self._terms.append((terms(candidate.law), member.error))
        if parent is not None and member.error < parent.error:
            name = candidate.law or candidate.id
            self.helped.append(f"- {candidate.draft.edit}: {parent.error:.4g} -> {member.error:.4g}: {name}")

    def unusable(self, label: str, reason: str, detail: str) -> None:
        self.failures.append(Failure(label, reason, detail))

    def often(self, most: int = 4, least: int = 5) -> list[tuple[str, int, float]]:
        """Terms in many of the recent laws: (term, how many, lowest error among them)."""
        counts: Counter[str] = Counter()
        best: dict[str, float] = {}
        for found, error in self._terms:
            for term in set(found):
                counts[term] += 1
                best[term] = min(error, best.get(term, float("inf")))
        top = [(t, n, best[t]) for t, n in counts.items() if n >= least and n >= 0.3 * len(self._terms)]
        return sorted(top, key=lambda item: (-item[1], item[0]))[:most]

    @property
    def n_recent(self) -> int:
        return len(self._terms)


def terms(law: str) -> tuple[str, ...]:
    """Terms of a law with its constants blanked: "c1*N**-a2 + c0" -> ("c*N**-a",)."""
    out, depth, start = [], 0, 0
    for i, ch in enumerate(law + "+"):
        depth += (ch in "([") - (ch in ")]")
        if ch == "+" and depth == 0:
            out.append(law[start:i].strip())
            start = i + 1
    blanked = [_blank(t) for t in out if t]
    return tuple(t for t in blanked if t not in ("c", ""))


def _blank(term: str) -> str:
    word, out = "", ""
    for ch in term + " ":
        if ch.isalnum() or ch == "_":
            word += ch
            continue
        if len(word) > 1 and word[1:].isdigit() and word[0].isalpha():
            word = word[0]
        out += word + ch
        word = ""
    return out.strip()

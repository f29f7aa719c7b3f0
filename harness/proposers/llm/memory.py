"""What a search remembers for its prompts: outcomes, failures, laws and reasons, what is tried often, memo, hint."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field

from evaluator.outcome import Failed, Outcome, Scored
from fitting.errors import FittingError
from fitting.law import expression
from fitting.law.law import Law
from harness.proposers.llm.stated import Stated
from harness.search.archive import Member
from harness.search.candidate import Candidate

RECENT = 80
MOST_HELPED = 12
MOST_NAME = 160


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
        names: identifiers of the features, in order.
        scored: candidate id -> outcome.
        patterns, fits: candidate id -> lines on where it goes wrong, and on what its fits found.
        took_s: candidate id -> processor seconds of one fold.
        failures: the latest, oldest first.
        mended: refusals that a second answer mended, as lines.
        helped: changes that improved on their parent, as lines.
        memo: what the last reflection wrote.
        hint: what a person said, or "".
        memo_at: evaluations told when it was asked for.
        told: evaluations told.
    """

    names: tuple[str, ...] = ()
    scored: dict[str, Scored] = field(default_factory=dict)
    patterns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)
    failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=20))
    mended: deque[str] = field(default_factory=lambda: deque(maxlen=3))
    helped: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_HELPED))
    memo: str = ""
    hint: str = ""
    memo_at: int = 0
    told: int = 0
    _terms: deque[tuple[tuple[str, ...], float]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def tell(
        self, candidate: Candidate, outcome: Outcome, member: Member | None, parent: Member | None
    ) -> None:
        """An evaluation; `member` is the candidate's own, None where it failed."""
        self.told += 1
        if isinstance(outcome, Failed):
            label = f"{candidate.id} ({candidate.draft.edit})"
            if candidate.law:
                label += f" {name_of(candidate)}"
            self.failures.append(Failure(label, outcome.failure.value, outcome.detail, outcome.traceback))
            return
        self.scored[candidate.id] = outcome
        if member is None:
            return
        self._terms.append((terms(candidate.law, self.names) or (behaviour(member),), member.error))
        if parent is not None and member.error < parent.error:
            why = Stated.of_program(candidate.program).why
            self.helped.append(
                f"- {parent.error:.3g} -> {member.error:.3g} ({candidate.draft.edit}): {name_of(parent.candidate)} "
                f"became {name_of(candidate)}{f'; why: {why}' if why else ''}"
            )

    def unusable(self, label: str, reason: str, detail: str) -> None:
        self.failures.append(Failure(label, reason, detail))

    def mend(self, reason: str, detail: str) -> None:
        """A second answer mended a refusal."""
        line = f"- {reason}: {' '.join(detail.split())[:200]}"
        if line not in self.mended:
            self.mended.append(line)

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


def name_of(candidate: Candidate) -> str:
    """Its law, cut where it is long, or its id where no law is known."""
    law = candidate.law or f"free program {candidate.id}"
    return law if len(law) <= MOST_NAME else law[:MOST_NAME] + " ..."


def behaviour(member: Member) -> str:
    """A class of programs without a law that do about the same: by size and first error, to one digit."""
    first = member.signature[0] if member.signature else member.error
    return f"free programs of {member.n_constants} constants with a first error near {first:.1g}"


def terms(law: str, names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Terms of a law with its constants blanked: "c1*N**-a2 + c0" -> ("c*N**-c",); () where it can't be read."""
    text = re.sub(r"\s*\((?:as )?stated[^)]*\)?.*$", "", law)
    try:
        tree = Law.parse(text, names).tree
    except (FittingError, RecursionError, MemoryError):
        return ()
    while tree[0] == "fn":  # a law fitted in logs
        tree = tree[2]
    parts = tree[1] if tree[0] == "add" else (tree,)
    texts = [expression.text_of(_blank(part)) for part in parts]
    return tuple(t for t in texts if t not in ("c", ""))


def _blank(node: expression.Node) -> expression.Node:
    if node[0] == "con":
        return ("con", "c")
    if node[0] in ("add", "mul"):
        return (node[0], tuple(_blank(n) for n in node[1]))
    if node[0] == "pow":
        return ("pow", _blank(node[1]), _blank(node[2]))
    return ("fn", node[1], _blank(node[2])) if node[0] == "fn" else node

"""Rules of choosing, compared on stored searches of nested tasks: no held-out row is looked at.

    python -m harness.bench --suite sldbench --seeds 1 --minutes 1 --nested 0.25 --out runs/nested --no-random --no-hindsight
    python benchmarks/selection.py runs/nested --nested 0.25

Every law of every stored search is fitted on the rows its search had, and predicts the hidden rows (the outer part of
train), its own rows, and probes beyond them. Then each rule chooses among the same laws, and its choice is
scored on the hidden rows, clipped to [-1, 1]. "B:" rules choose among the laws that don't run off at the probes,
"falls 0.35:" and the like among those of them that keep a declared fall so far beyond the rows, in ranges of the rows.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402

import tasks  # noqa: E402
from evaluator import Evaluator, Failed, LocalSandbox, Scored  # noqa: E402
from evaluator.metric import score  # noqa: E402
from harness.choosing.choice import medoid, rises, runs_off  # noqa: E402
from harness.record.run_folder import all_runs  # noqa: E402
from harness.search.selection import SIZE_COST, Judged, validation_error  # noqa: E402
from tasks.nested import nested  # noqa: E402
from tasks.probes import probe_rows  # noqa: E402
from tasks.split import validation_folds  # noqa: E402


@dataclass(frozen=True, slots=True)
class Law:
    """One stored candidate: what selection knows, and its score on the hidden rows.

    Attributes:
        folds: NMSE by fold, shallow to deep.
        fit: NMSE on the rows of the fit.
        hidden, probes: predictions.
        r2: on the hidden rows.
        runs_off: whether it leaves the groups' ranges at the probes.
        rises: whether it rises with a feature that the task declares it not to rise with, by how far one looks.
    """

    judged: Judged
    folds: list[float]
    fit: float
    hidden: np.ndarray
    probes: np.ndarray
    r2: float
    runs_off: bool
    rises: dict[float, bool]


REACHES = (0.35, 0.7, 1.0, 2.0)
"""How far beyond the rows a declared fall is looked for, in ranges of the rows."""

Rule = Callable[[list[Law]], Law]


def lowest(key: Callable[[Law], float]) -> Rule:
    return lambda laws: min(laws, key=key)


def priced(price: float, fit_share: float = 0.0) -> Callable[[Law], float]:
    """Log error with a price of size, and a share of the error on the rows of the fit."""

    def key(law: Law) -> float:
        size = law.judged.size or 2 * law.judged.n_constants
        error = (1 - fit_share) * math.log(law.judged.error) + fit_share * math.log(max(law.fit, 1e-9))
        return error + price * size

    return key


def tie(factor: float) -> Rule:
    """The fewest constants among laws within a factor of the best."""

    def rule(laws: list[Law]) -> Law:
        limit = factor * min(law.judged.error for law in laws)
        near = [law for law in laws if law.judged.error <= limit]
        return min(near, key=lambda law: (law.judged.n_constants, law.judged.error))

    return rule


def nearest(k: int, close: float = math.inf, fit_share: float = 0.0) -> Rule:
    """The medoid, at the probes, of the k best within a factor of the best; those that say the same count once."""

    def rule(laws: list[Law]) -> Law:
        key = priced(SIZE_COST, fit_share)
        ranked = sorted(laws, key=key)
        best: list[Law] = []
        for law in ranked:
            if len(best) == k or key(law) > key(ranked[0]) + math.log(close):
                break
            if not any(np.allclose(law.probes, b.probes, rtol=1e-4, atol=1e-9) for b in best):
                best.append(law)
        return best[medoid([law.probes for law in best])]

    return rule


def leaning(power: float, price: float = SIZE_COST) -> Callable[[Law], float]:
    """Log error with shallower folds weighing more: 1, 2**-power, 3**-power, ..."""

    def key(law: Law) -> float:
        weights = np.arange(1, len(law.folds) + 1) ** -power
        size = law.judged.size or 2 * law.judged.n_constants
        return float(weights @ np.log(np.maximum(law.folds, 1e-9)) / weights.sum() + price * size)

    return key


RULES: dict[str, Rule] = {
    "lowest error": lowest(lambda law: law.judged.error),
    "tie 3 %, fewest constants": tie(1.03),
    "tie 25 %, fewest constants": tie(1.25),
    **{f"{100 * p:g} % a piece": lowest(priced(p)) for p in (0.01, 0.02, 0.05)},
    **{f"1 % a piece, fit counts {w:g}": lowest(priced(0.01, w)) for w in (0.25, 0.5)},
    **{f"1 % a piece, folds lean {w:g}": lowest(leaning(w)) for w in (0.5, 1.0, 2.0)},
    "worst fold": lowest(lambda law: max(law.folds)),
    "mean of folds": lowest(lambda law: sum(law.folds)),
    "deepest fold": lowest(lambda law: law.folds[-1]),
    "shallowest fold": lowest(lambda law: law.folds[0]),
    **{f"medoid of {k}": nearest(k) for k in (3, 5, 7, 10, 20)},
    **{f"medoid of {k} within {c:g}": nearest(k, c) for k in (5, 10) for c in (1.05, 1.1, 1.25)},
    **{f"medoid of {k}, fit counts 0.5": nearest(k, fit_share=0.5) for k in (5, 7)},
}


def stored_laws(folder, share: float, workers: int) -> tuple[str, list[Law], tasks.Rows]:
    """The laws of one stored nested search, predicted and scored, with the hidden rows."""
    with folder.journal(read_only=True) as journal:
        meta = journal.meta()
        found = [(c, o) for c, o in journal.evaluations() if isinstance(o, Scored)]
    whole = tasks.load(meta["task"])
    task = nested(whole, share)
    if task.provenance.train_hash != meta["train_hash"]:
        raise SystemExit(f"{folder.path}: not a nested run of share {share:g} of these rows")
    # The hidden rows are training rows of the whole task, so nothing sealed is opened.
    hidden = whole.train.take(validation_folds(whole.spec, whole.train, (share,))[0].validation)
    P, P_group = probe_rows(task.spec, task.train)
    falls = {
        (reach, feature): probe_rows(task.spec, task.train, (feature,), reach)
        for reach in REACHES
        for feature in task.spec.falls_with
    }
    X = np.concatenate([hidden.X, task.train.X, P, *(rows for rows, _ in falls.values())])
    group = np.concatenate([hidden.group, task.train.group, P_group, *(g for _, g in falls.values())])
    with LocalSandbox(workers=workers) as sandbox, ThreadPoolExecutor(workers) as pool:
        evaluator = Evaluator(sandbox)
        answers = pool.map(
            lambda item: evaluator.fit_and_predict(item[0].program, task.spec, task.train, X, group), found
        )
        laws = []
        for (candidate, outcome), answer in zip(found, answers, strict=True):
            if isinstance(answer, Failed):
                continue
            n, m = len(hidden), len(hidden) + len(task.train)
            end = m + len(P)
            rising = dict.fromkeys(REACHES, False)
            for (reach, _), (rows, labels) in falls.items():
                rising[reach] |= bool(rises(task.train, answer.y[end : end + len(rows)], labels))
                end += len(rows)
            judged = Judged(
                candidate.id, validation_error(outcome), outcome.n_constants, candidate.draft.size
            )
            laws.append(
                Law(
                    judged,
                    [card.nmse for card in outcome.cards.values()],
                    score(task.train.y, answer.y[n:m], task.train.group).nmse,
                    answer.y[:n],
                    answer.y[m : m + len(P)],
                    score(hidden.y, answer.y[:n], hidden.group).r2,
                    bool(runs_off(task.train, answer.y[m : m + len(P)], P_group)),
                    rising,
                )
            )
    return task.name, laws, hidden


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("runs", type=Path, help="folder of nested runs")
    p.add_argument("--nested", type=float, default=0.25, help="share that was hidden (default: 0.25)")
    p.add_argument("--workers", type=int, default=2)
    args = p.parse_args()
    scores: dict[str, dict[str, list[float]]] = {}
    names: list[str] = []
    for folder in all_runs(args.runs):
        name, laws, hidden = stored_laws(folder, args.nested, args.workers)
        print(f"{folder.path.name}: {len(laws)} laws", file=sys.stderr)
        names += [name] if name not in names else []
        tame = [law for law in laws if not law.runs_off] or laws
        falling = {
            f"falls {reach:g}: ": [law for law in tame if not law.rises[reach]] or tame for reach in REACHES
        }
        for mark, among in {"": laws, "B: ": tame, **falling}.items():
            for rule_name, rule in RULES.items():
                scores.setdefault(mark + rule_name, {}).setdefault(name, []).append(_clip(rule(among).r2))
            best = sorted(among, key=priced(SIZE_COST))[:10]
            average = score(hidden.y, np.median([law.hidden for law in best], axis=0), hidden.group).r2
            scores.setdefault(mark + "median of the ten best (no law)", {}).setdefault(name, []).append(
                _clip(average)
            )
        scores.setdefault("best in reach", {}).setdefault(name, []).append(_clip(max(law.r2 for law in laws)))
    print("| rule | " + " | ".join(names) + " | mean |")
    print("|" + "---|" * (len(names) + 2))
    rows = {rule: [float(np.mean(by_task[n])) for n in names] for rule, by_task in scores.items()}
    for rule, values in sorted(rows.items(), key=lambda item: -float(np.mean(item[1]))):
        print(f"| {rule} | " + " | ".join(f"{v:.4f}" for v in values) + f" | {np.mean(values):.4f} |")
    return 0


def _clip(r2: float) -> float:
    return max(-1.0, min(1.0, r2))


if __name__ == "__main__":
    sys.exit(main())

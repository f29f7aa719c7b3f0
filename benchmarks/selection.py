"""Rules of choosing, compared on stored searches of a corpus by source left out: seconds, once evidence is gathered.

    harness bench --suite corpus --data-dir DIR --seeds 1 --evaluations 300 --no-random --no-hindsight --out runs/corpus
    python benchmarks/selection.py gather runs/corpus --data-dir DIR     # fits every law again; resumable, the long part
    python benchmarks/selection.py report runs/corpus --data-dir DIR     # the rules, the forecast, the law, the interval
    python benchmarks/selection.py fit runs/corpus --data-dir DIR        # the interval's width, into weights.json
    python benchmarks/selection.py plot runs/corpus --data-dir DIR --to docs/decisions/0002-selection.png

Error: root mean square of the log of the target (of the target in its standard deviations where it is not always
positive), a mean over groups. "over best" is its ratio to the best of all laws of the run on the held-out rows, which was
picked by looking; geometric mean, sources equal. A corpus is no benchmark: its held-out rows may be scored freely.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402

from evaluator import Evaluator, LocalSandbox, Scored  # noqa: E402
from evaluator.scale import scale_error  # noqa: E402
from harness.choosing.controls import CONTROLS  # noqa: E402
from harness.choosing.evidence import Evidence, Law, gather  # noqa: E402
from harness.choosing.forecast import Band, cast_asked, seat  # noqa: E402
from harness.choosing.ground import Ground  # noqa: E402
from harness.choosing.law import law_order  # noqa: E402
from harness.choosing.order import combined, fold_errors  # noqa: E402
from harness.choosing.priors import runs_off  # noqa: E402
from harness.choosing.refits import refits  # noqa: E402
from harness.choosing.store import FILE, read_evidence, write_evidence  # noqa: E402
from harness.choosing.weights import FILE as WEIGHTS  # noqa: E402
from harness.choosing.weights import Weights, shipped  # noqa: E402
from harness.proposers.facts import TaskFacts  # noqa: E402
from harness.proposers.formula.render import is_rendered  # noqa: E402
from harness.record.run_folder import RunFolder, all_runs, write_atomically  # noqa: E402
from harness.search.archive import Member  # noqa: E402
from harness.search.selection import validation_error  # noqa: E402
from tasks.corpus import corpus_source, load_corpus, read_rows  # noqa: E402
from tasks.rows import Task  # noqa: E402

LOOKED_AT = 45
"""Laws of a run that are fitted on the folds again; all others are fitted once, for the best in reach."""

REFITTED = 15
LEVEL = 0.9
ONE_SOURCE = {"felipemaiapolo/statistical-scaling-law": "ryoungj/ObsScaling"}
"""Repositories that cover the same public models count as one source."""

BANDS = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, math.inf))


@dataclass(slots=True)
class Table:
    """One stored search with the held-out truth.

    Attributes:
        evidence: on every law, then on the refits.
        among: places of the laws that may vote: on the folds, and not running off.
        variants: places of the refits that may be chosen.
        z: (m, T) truth on the scale.
        errors: of every law.
        controls: name -> error.
    """

    name: str
    source: str
    ground: Ground
    evidence: list[Evidence]
    among: list[int]
    variants: list[int]
    z: np.ndarray
    errors: np.ndarray
    controls: dict[str, float]

    def error(self, z: np.ndarray) -> float:
        return scale_error(self.z, z, self.ground.asked_group)


# Gathering.


def gather_all(root: Path, data_dir: str | None, workers: int) -> None:
    """Evidence on every law of every ended run that lacks it."""
    for folder in all_runs(root):
        path = folder.path / FILE
        if not path.exists() and folder.summary() is not None:
            n = gather_run(folder, path, data_dir, workers)
            print(f"{folder.path.name}: evidence on {n} laws", file=sys.stderr, flush=True)


def gather_run(folder: RunFolder, path: Path, data_dir: str | None, workers: int) -> int:
    with folder.journal(read_only=True) as journal:
        name = journal.meta()["task"]
        found = [(c, o) for c, o in journal.evaluations() if isinstance(o, Scored)]
    task = load_corpus(name, data_dir)
    ground, facts = Ground.of(task), TaskFacts.of(task.spec, task.train)
    found.sort(key=lambda pair: (validation_error(pair[1]), pair[0].id))
    members = [Member(c, validation_error(o), o.n_constants, ()) for c, o in found]
    with LocalSandbox(workers=workers) as sandbox, ThreadPoolExecutor(workers) as pool:
        evaluator = Evaluator(sandbox)

        def on(these: list[Member], folds: tuple) -> list[Evidence]:
            laws = [
                Law(
                    m.candidate.id,
                    m.candidate.program,
                    is_rendered(m.candidate.program, facts),
                    m.n_constants,
                    m.candidate.draft.size,
                )
                for m in these
            ]
            answers = gather(laws, ground, folds, evaluator, pool.map)
            return [e for e in answers if not isinstance(e, str)]

        evidence = on(members[:LOOKED_AT], ground.standard) + on(members[LOOKED_AT:], ())
        by_id = {m.candidate.id: m for m in members}
        voters = seat(evidence, ground, _voting(evidence, ground), shipped()).voters
        best = [by_id[evidence[i].id] for i in voters[:REFITTED]]
        evidence += on(refits(best, facts, task.name), ground.standard)
    write_evidence(path, evidence, task.provenance.train_hash)
    return len(evidence)


def _voting(evidence: list[Evidence], ground: Ground) -> list[int]:
    """Laws with every fold that don't run off; those with every fold where all do. No refits."""
    full = [
        i
        for i, e in enumerate(evidence)
        if not _is_refit(e) and all(f.name in e.folds for f in ground.standard)
    ]
    tame = [i for i in full if not _away(evidence[i], ground)]
    return tame or full


def _is_refit(e: Evidence) -> bool:
    return "e" in e.id


def _away(e: Evidence, ground: Ground) -> bool:
    return bool(runs_off(ground.train, ground.scale.back(e.probes), ground.probe_group))


# Reading.


def tables(roots: list[Path], data_dir: str | None) -> list[Table]:
    """Every run with evidence, one a task: of the first folder that has one."""
    found: dict[str, Table] = {}
    for root in roots:
        for folder in all_runs(root):
            if (folder.path / FILE).exists():
                with folder.journal(read_only=True) as journal:
                    name = journal.meta()["task"]
                if name not in found:
                    found[name] = read_table(folder, name, data_dir)
    return [found[name] for name in sorted(found)]


def read_table(folder: RunFolder, name: str, data_dir: str | None) -> Table:
    task = load_corpus(name, data_dir)
    ground = Ground.of(task)
    evidence = read_evidence(folder.path / FILE, task.provenance.train_hash)
    _, heldout = read_rows(name, data_dir)
    z = ground.scale.to(heldout.y)
    source = corpus_source(name, data_dir)
    return Table(
        name,
        ONE_SOURCE.get(source, source),
        ground,
        evidence,
        _voting(evidence, ground),
        [i for i, e in enumerate(evidence) if _is_refit(e) and not _away(e, ground)],
        z,
        np.array([scale_error(z, e.asked, heldout.group) for e in evidence if not _is_refit(e)]),
        control_errors(folder, task, z),
    )


def control_errors(folder: RunFolder, task: Task, z: np.ndarray) -> dict[str, float]:
    """Held-out error of every control, kept beside the evidence."""
    path = folder.path / "controls.json"
    if path.exists():
        known: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return known
    assert task.asked is not None
    ground = Ground.of(task)
    found = {
        name: scale_error(
            z, control(task.spec, task.train, ground.scale, task.asked.X, task.asked.group), task.asked.group
        )
        for name, control in CONTROLS.items()
    }
    write_atomically(path, json.dumps(found))
    return found


# Rules.


def lowest(table: Table) -> np.ndarray:
    """The law of the lowest geometric mean of the fold errors."""
    errors = fold_errors(table.evidence, table.ground)
    order = combined(errors, {f.name: 1.0 for f in table.ground.standard})
    return table.evidence[min(table.among, key=lambda i: order[i])].asked


def forecast(weights: Weights) -> Callable[[Table], np.ndarray]:
    return lambda table: band_of(table, weights).z


def band_of(table: Table, weights: Weights) -> Band:
    panel = seat(table.evidence, table.ground, table.among, weights)
    return cast_asked(panel, table.ground, table.evidence, weights)


def law(weights: Weights, with_refits: bool = True) -> Callable[[Table], np.ndarray]:
    """The law nearest to the forecast."""

    def rule(table: Table) -> np.ndarray:
        among = [*table.among, *(table.variants if with_refits else [])]
        band = band_of(table, weights)
        first = law_order(table.evidence, table.ground, among, band, weights)[0]
        return table.evidence[first].asked

    return rule


def refits_vote(weights: Weights) -> Callable[[Table], np.ndarray]:
    """The forecast with refits among the voters."""

    def rule(table: Table) -> np.ndarray:
        among = [*table.among, *table.variants]
        panel = seat(table.evidence, table.ground, among, weights)
        return cast_asked(panel, table.ground, table.evidence, weights).z

    return rule


def refit_ratios(table: Table) -> list[float]:
    """Held-out error of every refit over that of the plain fit of its form."""
    plain = {e.id: table.error(e.asked) for e in table.evidence if not _is_refit(e)}
    refitted = [(e.id.split("e")[0], table.error(e.asked)) for e in table.evidence if _is_refit(e)]
    return [error / plain[parent] for parent, error in refitted if parent in plain]


def rules(weights: Weights) -> dict[str, Callable[[Table], np.ndarray]]:
    never = 1e9  # the line's weight turns so slowly that it stays at a half; a tiny error ratio can't move it
    return {
        "law: lowest on folds": lowest,
        "law: nearest to the forecast, no refits": law(weights, with_refits=False),
        "law: nearest to the forecast (shipped)": law(weights),
        "forecast: five voters": forecast(replace(weights, voters=5)),
        "forecast: twenty voters, equal say": forecast(replace(weights, say_softness=never)),
        "forecast: say falls twice as fast": forecast(
            replace(weights, say_softness=weights.say_softness / 2)
        ),
        "forecast: refits vote too": refits_vote(weights),
        "forecast: no anchor": forecast(replace(weights, anchor=0.0)),
        "forecast: median alone": forecast(replace(weights, anchor=0.0, line_most=0.0)),
        "forecast: no clip": forecast(replace(weights, room=never)),
        "forecast (shipped)": forecast(weights),
    }


@dataclass(frozen=True, slots=True)
class Score:
    """One rule over all tables."""

    over_best: float
    by_table: float
    worst: float
    r2: float
    worse: dict[str, int]
    ratios: dict[str, float]


def score_rule(rule: Callable[[Table], np.ndarray], found: list[Table]) -> Score:
    ratios, r2s = {}, {}
    worse = dict.fromkeys(CONTROLS, 0)
    for table in found:
        z = rule(table)
        error = table.error(z)
        ratios[table.name] = max(error, 1e-9) / max(float(table.errors.min()), 1e-9)
        r2s[table.name] = clipped_r2(table, z)
        for name in worse:
            worse[name] += error > table.controls[name] * (1 + 1e-9)
    sources = sorted({t.source for t in found})

    def mean(values: dict[str, float]) -> float:
        return float(np.mean([np.mean([values[t.name] for t in found if t.source == s]) for s in sources]))

    logs = {name: math.log(ratio) for name, ratio in ratios.items()}
    return Score(
        math.exp(mean(logs)),
        math.exp(float(np.mean(list(logs.values())))),
        max(ratios.values()),
        mean(r2s),
        worse,
        ratios,
    )


def clipped_r2(table: Table, z: np.ndarray) -> float:
    y, p = table.ground.scale.back(table.z), table.ground.scale.back(z)
    varies = np.ptp(y, axis=0) > 0
    nmse = ((y - p)[:, varies] ** 2).mean(axis=0) / y[:, varies].var(axis=0)
    return max(-1.0, min(1.0, 1.0 - float(nmse.mean()))) if varies.any() else 0.0


# The interval.


def units(table: Table, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """(m, T) errors in units of the interval's half-width at factor 1, and (m,) distances."""
    band = band_of(table, replace(weights, interval=1.0))
    return np.abs(table.z - band.z) / np.maximum(band.half_width, 1e-12), band.distance


def conformal(found: list[Table], measured: dict[str, tuple[np.ndarray, np.ndarray]]) -> float:
    """The factor that holds 90 % of the rows: a table is one vote, tempered by the root of its source's tables.

    Args:
        measured: table -> its `units`.
    """
    counts = {s: sum(t.source == s for t in found) for s in {t.source for t in found}}
    values, votes = [], []
    for table in found:
        u = measured[table.name][0].ravel()
        values.append(u)
        votes.append(np.full(len(u), 1 / len(u) / math.sqrt(counts[table.source])))
    every, vote = np.concatenate(values), np.concatenate(votes)
    order = np.argsort(every)
    share = np.cumsum(vote[order]) / vote.sum()
    return float(every[order][np.searchsorted(share, LEVEL)])


def coverage(found: list[Table], weights: Weights) -> list[str]:
    """Coverage by distance, each source with a factor fitted on the others."""
    inside: dict[tuple[float, float], list[float]] = {band: [] for band in BANDS}
    measured = {t.name: units(t, weights) for t in found}
    tables_in, factors = [], []
    for source in sorted({t.source for t in found}):
        factor = conformal([t for t in found if t.source != source], measured)
        factors.append(factor)
        for table in (t for t in found if t.source == source):
            u, distance = measured[table.name]
            held = (u <= factor).mean(axis=1)
            tables_in.append(float(held.mean()))
            for low, high in BANDS:
                inside[(low, high)] += held[(distance <= high) & ((distance > low) | (low == 0))].tolist()
    lines = [
        f"90 % interval, sources left out: {np.mean(tables_in):.3f} of a table's rows inside; factor {min(factors):.2f} to "
        f"{max(factors):.2f}; at least 80 % on {sum(c >= 0.8 for c in tables_in)} of {len(found)} tables",
        "",
        "| distance beyond the rows | rows | inside |",
        "|---|---|---|",
    ]
    for (low, high), held in inside.items():
        if held:
            lines.append(f"| {low:g} to {high:g} | {len(held)} | {np.mean(held):.3f} |")
    return lines


# Reports.


def report(found: list[Table]) -> str:
    weights = shipped()
    n_sources = len({t.source for t in found})
    lines = [
        f"{len(found)} tables of {n_sources} sources, {sum(len(t.errors) for t in found)} laws.",
        "",
        "| rule | over best | tables equal | worst | R2 | "
        + " | ".join(f"worse than {c}" for c in CONTROLS)
        + " |",
        "|---|---|---|---|---|" + "---|" * len(CONTROLS),
    ]
    every: dict[str, Callable[[Table], np.ndarray]] = dict(rules(weights))
    scores = {name: score_rule(rule, found) for name, rule in every.items()}
    for name, s in scores.items():
        counts = " | ".join(map(str, s.worse.values()))
        lines.append(
            f"| {name} | {s.over_best:.3f} | {s.by_table:.3f} | {s.worst:.1f} | {s.r2:.3f} | {counts} |"
        )
    for control in CONTROLS:
        logs = {t.name: math.log(t.controls[control] / max(float(t.errors.min()), 1e-9)) for t in found}
        by = [np.mean([logs[t.name] for t in found if t.source == s]) for s in {t.source for t in found}]
        lines.append(
            f"| control: {control} | {math.exp(float(np.mean(by))):.3f} | {math.exp(float(np.mean(list(logs.values())))):.3f} | "
            f"{math.exp(max(logs.values())):.1f} | | | | |"
        )
    lines += [
        "",
        *coverage(found, weights),
        "",
        "| table | laws | lowest | law | forecast |",
        "|---|---|---|---|---|",
    ]
    low, one, many = (
        scores[n].ratios
        for n in ("law: lowest on folds", "law: nearest to the forecast (shipped)", "forecast (shipped)")
    )
    for t in found:
        lines.append(
            f"| {t.name} | {len(t.errors)} | {low[t.name]:.2f} | {one[t.name]:.2f} | {many[t.name]:.2f} |"
        )
    middle = [float(np.median(refit_ratios(t))) for t in found if refit_ratios(t)]
    lines += [
        "",
        f"Refits with more weight on the last rows: median held-out error over the plain fit's, table by table, "
        f"{np.quantile(middle, 0.1):.2f} to {np.quantile(middle, 0.9):.2f} (10 to 90 %), below 1 on {sum(m < 1 for m in middle)} of {len(middle)}.",
    ]
    return "\n".join(lines)


def plot(found: list[Table], to: Path) -> None:
    """Error over the best in reach of every table: the lowest on folds, the law, the forecast."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = {
        "lowest on folds": score_rule(lowest, found).ratios,
        "the law": score_rule(law(shipped()), found).ratios,
        "the forecast": score_rule(forecast(shipped()), found).ratios,
    }
    names = sorted(shown["the forecast"], key=lambda n: shown["the forecast"][n])
    figure, axes = plt.subplots(figsize=(7, 0.19 * len(names) + 1.2), layout="constrained")
    for (label, ratios), mark in zip(shown.items(), "xos", strict=True):
        axes.plot([ratios[n] for n in names], range(len(names)), mark, label=label, markersize=4, alpha=0.8)
    axes.axvline(1.0, color="0.6", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.set_xlabel("held-out error over that of the run's best law, picked by looking")
    axes.legend(fontsize=7, loc="lower right")
    figure.savefig(to, dpi=150)


def fit_weights(found: list[Table]) -> str:
    """Fit the interval's factor anew and write the file."""
    weights = shipped()
    fitted = replace(weights, interval=round(conformal(found, {t.name: units(t, weights) for t in found}), 2))
    tree = {
        "weights": asdict(fitted),
        "interval_from": f"{len(found)} tables, {len({t.source for t in found})} sources",
    }
    write_atomically(WEIGHTS, json.dumps(tree, indent=2) + "\n")
    return f"interval {weights.interval:g} -> {fitted.interval:g}: {WEIGHTS}"


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=("gather", "report", "fit", "plot"))
    p.add_argument("runs", type=Path, nargs="+", help="folders of ended runs of a corpus")
    p.add_argument("--data-dir", metavar="DIR", help="the corpus (default: SLD_CORPUS_DIR)")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--to", type=Path, default=Path("selection.png"), help="file of the plot")
    args = p.parse_args()
    if args.what == "gather":
        for root in args.runs:
            gather_all(root, args.data_dir, args.workers)
        return 0
    found = tables(args.runs, args.data_dir)
    if not found:
        print("error: no run has evidence; run `gather` first", file=sys.stderr)
        return 2
    if args.what == "report":
        print(report(found))
    elif args.what == "fit":
        print(fit_weights(found))
    else:
        plot(found, args.to)
    return 0


if __name__ == "__main__":
    sys.exit(main())

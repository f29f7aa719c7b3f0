"""The page on our own measurements: noise and ceilings, the plane's law, its compute-optimal line by four methods.

    python -m benchmarks.nano [--resamples 500] [--search runs/nano] [--out docs/results/nano]

Everything is read from `tasks/nano/runs.csv` and, for the search, from the card that `harness bench` wrote; nothing
is typed in. `make nano` makes the searches and then this page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tasks
from evaluator import Evaluator, LocalSandbox
from evaluator.metric import score
from fitting import FitError, FittedLaw, FittingError, approach_1, approach_2, approach_3, fit
from harness.boards.scoring import score_program
from harness.shipped import shipped
from measure.experiments import planned
from measure.noise import noise_sd
from measure.store import run_of
from tasks import nano

LEVEL = 0.95
SEED = 0
Line = tuple[float, float]
"""Exponent of N_opt, and log10 of N_opt at the largest budget."""


def progress() -> list[str]:
    """How much of every experiment is measured."""
    rows = set(nano.runs()["id"].tolist())
    found: dict[str, list[bool]] = {}
    for part, family in planned():
        found.setdefault(part, []).extend(run.id in rows for run in family)
    lines = ["| experiment | rows measured | planned |", "| --- | --- | --- |"]
    return lines + [f"| {part} | {sum(done)} | {len(done)} |" for part, done in found.items()]


def noise() -> list[str]:
    """Noise over seeds of what each experiment's task predicts, and the ceiling that it sets."""
    text = pd.read_csv(nano.RUNS, dtype=str, keep_default_na=False)
    lines = [
        "| experiment | noise sd, nats | degrees of freedom | task | held-out sd | ceiling R2 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    of_task = {m.experiment: name for name, m in nano.MIRRORS.items()}
    for experiment in dict.fromkeys(text["experiment"]):
        rows = text[text["experiment"] == experiment].to_dict("records")
        name = of_task.get(experiment, "")
        targets, heldout = _targets(name, experiment)
        found = [noise_sd(zip(map(run_of, rows), y.tolist(), strict=True)) for y in targets]
        sd, free = np.array([s for s, _ in found]), found[0][1]
        spread = np.array([y.std() for y in heldout])
        ceiling = f"{1 - np.mean(sd**2 / spread**2):.5f}" if free and len(spread) else "-"
        lines.append(
            f"| {experiment} | {f'{sd.mean():.4f}' if free else 'not repeated'} | {free} | {name or '-'} | "
            f"{f'{spread.mean():.4f}' if len(spread) else '-'} | {ceiling} |"
        )
    return lines


def _targets(name: str, experiment: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each target of a task its values in all rows and in held-out ones, out of the table that they lie open in.

    Without a task: the loss, and nothing held out.
    """
    runs = nano.runs(experiment)
    if not name:
        return [runs["loss"].astype(float)], []
    mirror = nano.MIRRORS[name]
    nano.load_nano(tasks.spec(name))  # says so where there are too few rows
    table = mirror.table(runs)
    out = mirror.heldout(table)
    values = [table[target] for target in tasks.spec(name).target_names]
    return values, [y[out] for y in values]


def plane() -> dict[str, np.ndarray]:
    """The plane's first seed: N without embeddings' look-up, D, L and C."""
    rows = nano.runs("plane")
    first = rows["seed"] == "0"
    return {new: rows[old][first].astype(float) for new, old in nano.PLANE_COLUMNS.items()}


def chinchilla(rows: dict[str, np.ndarray]) -> tuple[FittedLaw, list[str]]:
    """The plain law on the plane, with intervals."""
    result = fit("chinchilla", rows, target="L")
    residual = rows["L"] - result.predict(rows)
    constants = ", ".join(
        f"{name} = {i.value:.4g} [{i.low:.4g}, {i.high:.4g}]" for name, i in result.intervals().items()
    )
    r2 = score(rows["L"][:, None], (rows["L"] - residual)[:, None], np.full(len(residual), "")).r2
    return result, [
        f"L = E + A/N^alpha + B/D^beta explains **{100 * r2:.2f} %** of the variance of the plane's {len(residual)} rows "
        f"(standard deviation of residuals {residual.std():.4f} nats, largest {np.abs(residual).max():.4f}).",
        "",
        f"{constants} (95 % intervals by covariance).",
    ]


def _hoffmann(rows: dict[str, np.ndarray]) -> Line:
    """Approach 3 with the loss of its source: Huber, 1e-3, on logs."""
    c = fit("chinchilla", rows, target="L", loss="log_huber:1e-3").constants
    if min(c["A"], c["B"], c["alpha"], c["beta"]) <= 0:
        raise FitError("the surface has no optimum: an amplitude or an exponent is not positive")
    both = c["alpha"] + c["beta"]
    balance = (c["alpha"] * c["A"] / (c["beta"] * c["B"])) ** (1 / both)
    a = c["beta"] / both
    return a, float(np.log10(balance * (TOP / 6) ** a))


def methods() -> dict[str, Callable[[dict[str, np.ndarray]], Line]]:
    """Name -> the line of a method: rows to (a, log10 of N_opt at the largest budget)."""

    def line(of: Callable, **options: object) -> Callable[[dict[str, np.ndarray]], Line]:
        def found(rows: dict[str, np.ndarray]) -> Line:
            result = of(rows["N"], rows["D"], rows["L"], rows["C"], **options)
            return result.a, float(result.a0 + result.a * np.log10(TOP))

        return found

    return {
        "Approach 1 (best run of each budget)": line(approach_1),
        "Approach 2 (parabola per budget)": line(approach_2),
        "Approach 3 (surface, Huber on logs)": _hoffmann,
        "VPNLS (surface, squares)": line(approach_3),
    }


TOP = 3.2e11
"""Budget at which lines are compared, FLOPs: the plane's largest."""


def lines_of(rows: dict[str, np.ndarray], resamples: int) -> list[str]:
    """Each method's line with a bootstrap interval: rows drawn again inside each budget."""
    draw = np.random.default_rng(SEED)
    budgets = np.round(np.log2(rows["C"]) * 4) / 4
    parts = [np.flatnonzero(budgets == b) for b in np.unique(budgets)]
    samples = [np.concatenate([draw.choice(p, len(p)) for p in parts]) for _ in range(resamples)]
    out = [
        f"| method | a in N_opt ~ C^a | N_opt at {TOP:.1e} FLOPs | resamples that gave a line |",
        "| --- | --- | --- | --- |",
    ]
    for name, method in methods().items():
        try:
            a, top = method(rows)
        except FittingError as error:
            out.append(f"| {name} | none: {error} | - | - |")
            continue
        found = []
        for index in samples:
            try:
                found.append(method({k: v[index] for k, v in rows.items()}))
            except FittingError:
                continue
        tail = 50 * (1 - LEVEL)
        low, high = np.percentile(np.array(found), [tail, 100 - tail], axis=0)
        out.append(
            f"| {name} | {a:.3f} [{low[0]:.3f}, {high[0]:.3f}] | {10**top:.3g} [{10 ** low[1]:.3g}, "
            f"{10 ** high[1]:.3g}] | {len(found)} of {resamples} |"
        )
    return out


def search(folder: Path) -> list[str]:
    """The card that `harness bench` wrote, under this page's headings."""
    card = folder / "README.md"
    if not card.exists():
        return [f"Not searched yet: `make nano` writes {folder}."]
    text = (
        card.read_text(encoding="utf-8")
        .partition("\n")[2]
        .replace("](hindsight.png)", "](search/hindsight.png)")
    )
    return [
        line.replace("## ", "### ", 1) if line.startswith("#") else line for line in text.strip().split("\n")
    ]


def seeds() -> list[str]:
    """Held-out R2 of the programs that a search begins with, one row each."""
    lines = ["| task | program | constants | held-out R2 |", "| --- | --- | --- | --- |"]
    with LocalSandbox(workers=1) as sandbox:
        evaluator = Evaluator(sandbox)
        for name in nano.MIRRORS:
            task = nano.load_nano(tasks.spec(name))
            for path in sorted((shipped("seeds") / name).glob("*.py")):
                found = score_program(path.read_text(encoding="utf-8"), task, evaluator)
                card = found["heldout"]
                broken = ", ".join(b["rule"] for b in found["broken_rules"])
                shown = f"{max(card['r2'], -1.0):.4f}" if card else broken
                lines.append(f"| {name} | {path.stem} | {found['n_constants'] or '-'} | {shown} |")
    return lines


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument(
        "--resamples", type=int, default=500, metavar="N", help="bootstrap resamples (default: 500)"
    )
    p.add_argument(
        "--search",
        type=Path,
        default=Path("docs/results/nano/search"),
        metavar="DIR",
        help="card of the searches",
    )
    p.add_argument(
        "--out", type=Path, default=Path("docs/results/nano"), metavar="DIR", help="where the page goes"
    )
    args = p.parse_args()
    rows = plane()
    page = [
        "# Our own measurements",
        "",
        f"Made by `python -m benchmarks.nano --resamples {args.resamples}` from `tasks/nano/runs.csv` "
        "([data card](../../measure.md)); the searches by `make nano`.",
        "",
        "## What is measured",
        "",
        *progress(),
        "",
        "## Noise over seeds, and the ceilings it sets",
        "",
        *noise(),
        "",
        "Noise of what the task predicts (of `domain_mixture` the mean over its five targets). The ceiling is 1 - (noise sd)^2 / (variance of the held-out",
        "targets): what a perfect law would score.",
        "",
        "## The isoFLOP plane",
        "",
        *chinchilla(rows)[1],
        "",
        *lines_of(rows, args.resamples),
        "",
        f"{round(100 * LEVEL)} % intervals by bootstrap of rows inside each budget, seed {SEED}. N counts what a token passes: all but the "
        "embedding's table. C = 6 N D.",
        "",
        "## Our search",
        "",
        *search(args.search),
        "",
        "## Seeds beside it",
        "",
        "The programs under `seeds/`, fitted to the training rows alone; R2 clipped to [-1, 1] as above.",
        "",
        *seeds(),
        "",
    ]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "README.md").write_text("\n".join(page), encoding="utf-8")
    print(args.out / "README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())

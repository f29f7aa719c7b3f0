"""Seeds and programs, measured: seconds, constants, and R2 on training rows and validation folds.

    SLD_DATA_DIR=... python benchmarks/seeds.py [--task NAME ...] [--repeats 3]

Every text under `seeds/` and `programs/` is fitted on its task's training rows, once in this process (they
are ours) and once through the evaluator's sandbox with every rule checked. "own" is the median fit of all groups in
this process, "sandbox" one fit and prediction of all training rows through both children, "folds" the whole
validation with its rule checks. R2 is pooled, as the benchmark has it. Held-out rows are not opened.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")  # as in the sandbox; must precede NumPy

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

import tasks  # noqa: E402
from evaluator import Evaluator, Failed, LocalSandbox  # noqa: E402
from evaluator.metric import score  # noqa: E402
from tasks.split import validation_folds  # noqa: E402

HEADER = (
    "program",
    "constants",
    "own s",
    "sandbox s",
    "folds s",
    "train R2",
    "validation R2, shallow to deep",
)


def own_seconds(program: str, train: tasks.Rows, repeats: int) -> float:
    """Median seconds of fitting all groups in this process."""
    names: dict = {}
    exec(compile(program, "program.py", "exec"), names)
    fit = names["fit_scaling_law"]
    took = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _, index in train.by_group():
            y = train.y[index]
            fit(train.X[index], y[:, 0] if y.shape[1] == 1 else y)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def measure(path: Path, task: tasks.Task, evaluator: Evaluator, repeats: int) -> tuple[str, ...]:
    """One row of the table; a failure is named in place of the scores."""
    program, train = path.read_text(encoding="utf-8"), task.train
    name = str(path.relative_to(ROOT))
    own = own_seconds(program, train, repeats)
    started = time.perf_counter()
    fitted = evaluator.fit_and_predict(program, task.spec, train, train.X, train.group)
    sandbox = time.perf_counter() - started
    if isinstance(fitted, Failed):
        return name, "", f"{own:.3f}", f"{sandbox:.3f}", "", f"{fitted.failure}: {fitted.detail}", ""
    budget = task.spec.constants_budget or "no limit"
    r2 = score(train.y, np.asarray(fitted.y).reshape(train.y.shape), train.group).r2
    started = time.perf_counter()
    outcome = evaluator.validate(program, task, validation_folds(task.spec, train), checks="all")
    folds = time.perf_counter() - started
    if isinstance(outcome, Failed):
        cards = f"{outcome.failure}: {outcome.detail}"
    else:
        cards = ", ".join(f"{card.r2:.3f} ({name})" for name, card in outcome.cards.items())
    counts = f"{fitted.n_constants} of {budget}"
    return name, counts, f"{own:.3f}", f"{sandbox:.3f}", f"{folds:.2f}", f"{r2:.5f}", cards


def warm_up(evaluator: Evaluator) -> float:
    """Start the warm parents of all children, with and without `fitting`: once a sandbox, before any time is taken.

    Returns:
        Seconds that the first program with `fitting` waits for its parent.
    """
    X, group = np.arange(1.0, 9.0)[:, None], np.full(8, "a")
    spec = tasks.TaskSpec("warm_up", "warm up", (tasks.Column("x"),), (tasks.Column("y"),))
    for name in ("power_law", "vpnls"):
        program = (ROOT / "seeds" / "sft" / f"{name}.py").read_text(encoding="utf-8")
        started = time.perf_counter()
        evaluator.fit_and_predict(program, spec, tasks.Rows(X, 1.0 / X, group), X, group)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", action="append", help="task to measure (default: all)")
    parser.add_argument("--repeats", type=int, default=3, help="fits timed in this process")
    parser.add_argument("--data-dir", help="folder of the real rows (default: SLD_DATA_DIR)")
    options = parser.parse_args()
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    started = time.perf_counter()
    with LocalSandbox(workers=1) as sandbox:
        evaluator = Evaluator(sandbox)
        loading = warm_up(evaluator)
        for name in options.task or tasks.names():
            task = tasks.load(name, options.data_dir)
            paths = [p for folder in ("seeds", "programs") for p in (ROOT / folder / task.name).glob("*.py")]
            for path in sorted(paths, key=lambda p: (p.parts[-3] != "seeds", p.name)):
                print("| " + " | ".join(measure(path, task, evaluator, options.repeats)) + " |", flush=True)
            if task.provenance.simulated:
                print(f"| {task.name}: SIMULATED rows ({task.provenance.note}) |")
    print(
        f"\n{time.perf_counter() - started:.0f} s in all, one worker; before it, {loading:.2f} s once for loading `fitting`."
    )


if __name__ == "__main__":
    main()

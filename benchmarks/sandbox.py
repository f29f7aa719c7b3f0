"""What the sandbox costs, side by side with a cold process per call.

    python benchmarks/sandbox.py [--repeats 100] [--workers 2] [--json]
    python benchmarks/sandbox.py --processor              # what one call costs in processor time, on a busy machine too

Figures are medians on whatever machine this runs; run it while nothing else does, and compare
columns of one run rather than runs.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from evaluator import Evaluator, Failed, Limits, LocalSandbox
from evaluator.sandbox.host import clean_environment
from evaluator.sandbox.job import Job, Step
from tasks.rows import Rows, Sealed, Task
from tasks.spec import Column, Provenance, TaskSpec
from tasks.split import validation_folds

TRIVIAL = """
import numpy as np
# EVOLVE-BLOCK-START
def fit_scaling_law(data_points, loss_values):
    return np.array([loss_values.mean()])
def scaling_law_func(data_points, params):
    return np.full(len(data_points), params[0])
# EVOLVE-BLOCK-END
"""

REAL = """
import numpy as np
from scipy.optimize import least_squares
# EVOLVE-BLOCK-START
def scaling_law_func(data_points, params):
    E, a, alpha, b, beta = params
    N, D = np.asarray(data_points).T
    return E + np.exp(a - alpha * np.log(N)) + np.exp(b - beta * np.log(D))
def fit_scaling_law(data_points, loss_values):
    start = np.array([1.5, 4.0, 0.3, 5.0, 0.3])
    return least_squares(lambda p: scaling_law_func(data_points, p) - loss_values, start).x
# EVOLVE-BLOCK-END
"""

COLD = """
import sys
import numpy as np
exec(sys.argv[1])
rng = np.random.default_rng(0)
X = np.load(sys.argv[2])
if sys.argv[4] == "fit":
    np.save(sys.argv[3], fit_scaling_law(X[:, :-1], X[:, -1]))
else:
    p = scaling_law_func(X[:, :-1], np.load(sys.argv[3]))
"""


def rows(n: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    N, D = (
        np.exp(rng.uniform(np.log(1e7), np.log(1e10), n)),
        np.exp(rng.uniform(np.log(1e9), np.log(1e12), n)),
    )
    y = 1.7 + 400 / N**0.34 + 410 / D**0.28 + 0.005 * rng.standard_normal(n)
    return Rows(np.column_stack([N, D]), y[:, None], np.array(["all"] * n))


def task(n: int) -> Task:
    data = rows(n)
    spec = TaskSpec("bench", "bench", (Column("N"), Column("D")), (Column("L"),), None, 8, ("N",))
    return Task(spec, data, Sealed(data), Provenance("user", "benchmark", "", ""))


def median_ms(work, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def processor_ms(sandbox: LocalSandbox, program: str, data: Rows, repeats: int) -> float:
    """Median processor time of a call: the host's, the child's, and what the processes that fork children spent."""
    parents = descendants(os.getpid())
    times = []
    for _ in range(repeats):
        before, host = sum(map(spent, parents)), time.process_time()
        child = call(sandbox, program, data)
        times.append(1000 * (time.process_time() - host + sum(map(spent, parents)) - before + child))
    return statistics.median(times)


def spent(pid: int) -> float:
    """Seconds of a process on a processor so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def kept(outcome):
    if isinstance(outcome, Failed):
        raise SystemExit(f"a benchmark program failed: {outcome}")
    return outcome


def call(sandbox: LocalSandbox, program: str, data: Rows, again: bool = False) -> float:
    """Fit once; processor seconds of the child."""
    numbers = np.concatenate([data.X.ravel(), data.y.ravel()])
    step = Step("fit", {"rows": len(data), "most_constants": 8}, numbers, 8)
    return kept(sandbox.run(Job("fit", program, 2, 1, [step], again=again), Limits())).cpu_seconds


def candidate(evaluator: Evaluator, program: str, data: Rows, spec: TaskSpec) -> None:
    """One real candidate: fit in one child, predict in another."""
    kept(evaluator.fit_and_predict(program, spec, data, data.X, data.group))


def cold_candidate(program: str, folder: Path, number: int, data_file: Path) -> None:
    constants = folder / f"constants{number}.npy"
    for step in ("fit", "predict"):
        subprocess.run(
            [sys.executable, "-c", COLD, program, str(data_file), str(constants), step],
            env=clean_environment(),
            check=True,
        )


def per_second(work, n: int, workers: int) -> float:
    with ThreadPoolExecutor(workers) as pool:
        start = time.perf_counter()
        list(pool.map(work, range(n)))
        return n / (time.perf_counter() - start)


def seconds_to_vanish() -> float:
    """Kill a host outright with children at work; time until none of its processes runs."""
    code = (
        "import sys, threading, time; sys.path.insert(0, sys.argv[1])\n"
        "sys.argv = sys.argv[:1]\n"
        "from benchmarks.sandbox import *\n"
        "box = LocalSandbox()\n"
        "loop = TRIVIAL.replace('    return np.array', '    while True: pass\\n    return np.array')\n"
        "for _ in range(2): threading.Thread(target=call, args=(box, loop, rows(10))).start()\n"
        "time.sleep(2); print('up', flush=True)\n"
    )
    root = str(Path(__file__).resolve().parents[1])
    with subprocess.Popen([sys.executable, "-c", code, root], stdout=subprocess.PIPE, cwd=root) as host:
        host.stdout.readline()
        below = descendants(host.pid)
        host.send_signal(signal.SIGKILL)
        start = time.perf_counter()
    while any(running(pid) for pid in below):
        if time.perf_counter() - start > 30:
            raise SystemExit(f"still running: {below}")
        time.sleep(0.005)
    return time.perf_counter() - start


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found |= {int(child)} | descendants(int(child))
    return found


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--processor", action="store_true", help="processor time of a trivial call, and no more"
    )
    args = parser.parse_args()
    if args.processor:
        with LocalSandbox(workers=1) as sandbox:
            for again in (False, True):  # both parents have loaded then
                call(sandbox, TRIVIAL, rows(200), again)
            cost = processor_ms(sandbox, TRIVIAL, rows(200), args.repeats)
            print(f"one call, trivial program: {cost:.2f} ms of processor time ({sandbox.level})")
        return
    import tempfile

    figures: dict[str, float | str] = {}
    start = time.perf_counter()
    with LocalSandbox(workers=args.workers) as sandbox, tempfile.TemporaryDirectory() as name:
        figures["start, NumPy alone (s)"] = time.perf_counter() - start
        figures["level"] = sandbox.level
        evaluator, data, folder = Evaluator(sandbox), rows(200), Path(name)
        start = time.perf_counter()
        candidate(evaluator, REAL, data, task(8).spec)
        figures["first use of SciPy (s)"] = time.perf_counter() - start
        call(sandbox, TRIVIAL, data)
        time.sleep(2)  # the second parents finish loading
        figures["one call, trivial program (ms)"] = median_ms(
            lambda: call(sandbox, TRIVIAL, data), args.repeats
        )
        figures["one call, fit of 200 rows (ms)"] = median_ms(lambda: call(sandbox, REAL, data), args.repeats)
        names: dict = {}
        exec(REAL, names)
        figures["  of which the fit itself (ms)"] = median_ms(
            lambda: names["fit_scaling_law"](data.X, data.y[:, 0]), args.repeats
        )
        big = task(1080)
        folds = validation_folds(big.spec, big.train)
        for text, title in ((TRIVIAL, "trivial"), (REAL, "real")):
            kept(evaluator.validate(text, big, folds))
            figures[f"validate, 3 folds of 1080 rows, checks first, {title} (ms)"] = median_ms(
                lambda text=text: kept(evaluator.validate(text, big, folds)), max(5, args.repeats // 5)
            )
        figures["trivial candidates a second"] = per_second(
            lambda _: candidate(evaluator, TRIVIAL, data, big.spec), 3 * args.repeats, args.workers
        )
        figures["real candidates a second"] = per_second(
            lambda _: candidate(evaluator, REAL, data, big.spec), 2 * args.repeats, args.workers
        )
        file = folder / "rows.npy"
        np.save(file, np.column_stack([data.X, data.y]))
        few = max(4, args.repeats // 10)
        cold = median_ms(lambda: cold_candidate(TRIVIAL, folder, 0, file), few)
        figures["cold process, one call, trivial (ms)"] = cold / 2
        figures["cold process, one call, real (ms)"] = (
            median_ms(lambda: cold_candidate(REAL, folder, 0, file), few) / 2
        )
        figures["cold process, real candidates a second"] = per_second(
            lambda i: cold_candidate(REAL, folder, i, file), few, args.workers
        )
    figures["host killed: all gone after (s)"] = seconds_to_vanish()
    if args.json:
        print(json.dumps({"cores": os.cpu_count(), **figures}, indent=1))
        return
    for key, value in figures.items():
        print(f"{key:<62} {value if isinstance(value, str) else f'{value:10.2f}'}")


if __name__ == "__main__":
    main()

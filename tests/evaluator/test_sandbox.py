"""The sandbox's own life: layers that are missing, zygotes that die, hosts that are killed, leftovers."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from evaluator_cases import QUICK, make_folds, make_task, program
from hostile_programs import programs

import evaluator.sandbox.host
from evaluator import Evaluator, Failed, Failure, Limits, LocalSandbox, SandboxError, SandboxTooWeak, Scored
from evaluator.sandbox.host import clean_environment

ROOT = Path(__file__).parents[2]
TASK = make_task()
FOLD = make_folds(TASK)[:1]


def validate(sandbox, text=None, limits=QUICK, **kwargs):
    return Evaluator(sandbox, limits).validate(text or program(), TASK, FOLD, **kwargs)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    """Processes below this one, whatever session or namespace they moved to."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                found |= {int(child)} | descendants(int(child))
    return found


def wait_until(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_the_level_names_what_holds(sandbox):
    assert sandbox.level.startswith("process, rlimits")
    for word, needed in {
        "Landlock ABI": "landlock",
        "seccomp": "seccomp",
        "no capabilities": "capabilities",
        "own clock": "clock",
    }.items():
        with LocalSandbox(without=(needed,), allow_weak_sandbox=True) as less:
            assert word not in less.level.removeprefix("WEAK").partition(";")[0]


def test_below_the_minimum_it_refuses_and_says_what_to_do():
    with pytest.raises(SandboxTooWeak, match="--allow-weak-sandbox") as error:
        LocalSandbox(without=("landlock", "seccomp"))
    assert "container" in str(error.value)
    assert isinstance(error.value, SandboxError)
    with LocalSandbox(without=("landlock", "seccomp"), allow_weak_sandbox=True) as weak:
        assert weak.level.startswith("WEAK: process, rlimits")
        assert isinstance(validate(weak), Scored)


OPTIMISERS = """
from scipy import optimize
import numpy as np
def loss(p):
    return float(np.mean((p[0] + np.log(X) @ p[1:] - y) ** 2))
def residuals(p):
    return p[0] + np.log(X) @ p[1:] - y
BOUNDS = [(-10.0, 10.0)] * 3
START = np.zeros(3)
"""

METHODS = {
    **{
        m: f"optimize.minimize(loss, START, method={m!r}).x"
        for m in ("Nelder-Mead", "Powell", "CG", "BFGS", "L-BFGS-B", "TNC", "COBYLA", "SLSQP", "trust-constr")
    },
    **{m: f"optimize.least_squares(residuals, START, method={m!r}).x" for m in ("trf", "dogbox", "lm")},
    "huber": "optimize.least_squares(residuals, START, loss='huber').x",
    "curve_fit": "optimize.curve_fit(lambda X, a, b, c: a + np.log(X) @ np.array([b, c]), X, y)[0]",
    "nnls": "optimize.nnls(np.column_stack([np.ones(len(X)), 1 / X]), y)[0]",
    "lsq_linear": "optimize.lsq_linear(np.column_stack([np.ones(len(X)), np.log(X)]), y).x",
    "differential_evolution": "optimize.differential_evolution(loss, BOUNDS, maxiter=10, seed=1).x",
    "dual_annealing": "optimize.dual_annealing(loss, BOUNDS, maxiter=10, seed=1).x",
    "basinhopping": "optimize.basinhopping(loss, START, niter=2, seed=1).x",
    "shgo": "optimize.shgo(loss, BOUNDS, iters=1).x",
    "direct": "optimize.direct(loss, BOUNDS, maxiter=20).x",
    "linprog": "optimize.linprog(np.ones(3), bounds=[(1, 2)] * 3).x",
    "root": "optimize.root(lambda p: p - 1, START).x",
    "brentq": "[optimize.brentq(lambda a: a - 0.5, 0, 1)]",
    "svd": "np.linalg.svd(X)[1]",
    "global seed": "np.random.rand(3)",
    "own generator": "np.random.default_rng(0).normal(size=3)",
    "lazy modules": "(__import__('scipy.signal'), __import__('scipy.ndimage'), np.ones(1))[2]",
}


@pytest.mark.parametrize("without", ["nothing", "landlock", "seccomp"])
def test_legitimate_optimisers_run(without):
    lines = ["global X, y", "X, y = data_points, loss_values", "found = []"]
    for name, expression in METHODS.items():
        lines += [f"print({name!r})", f"found.append(float(np.sum({expression})))"]
    text = program(
        "\n".join([*lines, "return found"]), "return np.full(len(data_points), params[0])", OPTIMISERS
    )
    task = make_task(budget=len(METHODS))
    with LocalSandbox(without=(without,)) as sandbox:
        outcome = Evaluator(sandbox, Limits(fit_cpu_s=30)).validate(
            text, task, make_folds(task)[:1], checks="first" if without == "nothing" else "none"
        )
    assert isinstance(outcome, Scored), outcome  # the last name printed is the one that failed
    assert outcome.n_constants == len(METHODS)


def test_library_code_runs(sandbox):
    fit = """
    from functools import partial
    @dataclass
    class Point:
        x: "float"
    np.testing.assert_allclose(1.0, 1.0)
    return [float(np.mean(data_points)), Point(1.0).x, scipy.special.gammaln(3.0), scipy.stats.norm.cdf(0.0)]
    """
    top = """
    from __future__ import annotations
    import numpy as np, scipy, math, itertools, functools, collections, typing, warnings
    from dataclasses import dataclass
    warnings.warn("a warning is no failure")
    """
    outcome = validate(sandbox, program(fit, "return np.full(len(data_points), params[0])", top))
    assert isinstance(outcome, Scored), outcome
    assert "a warning is no failure" in outcome.output


def test_a_module_that_only_the_text_names_is_loaded_before_the_doors_close(sandbox):
    fit = """
    from scipy.spatial.distance import cdist
    return [float(cdist(data_points, data_points).max()), np.polynomial.chebyshev.chebval(0.5, [1.0, 2.0])]
    """
    outcome = validate(sandbox, program(fit, "return np.full(len(data_points), params[0])"))
    assert isinstance(outcome, Scored), outcome


def test_the_clock_counts_looks_and_begins_anew_in_every_child(sandbox):
    fit = """
    time = np.lib._utils_impl.sys.modules["time"]
    start, n = time.perf_counter(), 0
    while time.perf_counter() < start + 0.01: n += 1
    return [n, time.time() % 1000.0, time.monotonic() % 1000.0]
    """
    outcome = validate(sandbox, program(fit, "return np.full(len(data_points), params[0])"), checks="all")
    assert isinstance(outcome, Scored), outcome
    n, *clocks = outcome.constants["g0"]
    assert n == pytest.approx(99, abs=2)
    assert max(clocks) < 0.1


@pytest.mark.parametrize(
    ("missing", "attacks"),
    [
        # Without Landlock, seccomp refuses every path; without seccomp, Landlock guards the files.
        (
            "landlock",
            ("read the label file", "a file in /tmp", "read the passwords", "list the root", "fork bomb"),
        ),
        (
            "seccomp",
            ("read the label file", "a file in /tmp", "delete the label file", "a shell", "TCP to the host"),
        ),
        ("namespaces", ("kill the parent", "UDP", "System V shared memory", "kill everybody")),
        ("capabilities", ("mount", "set the clock", "become another program", "another user")),
    ],
)
def test_one_layer_less_still_contains(missing, attacks, tmp_path):
    label = tmp_path / "heldout.csv"
    label.write_text("1.0\n")
    with LocalSandbox(without=(missing,)) as sandbox:
        assert not sandbox.level.startswith("WEAK")
        for hostile in programs(str(label), 9):
            if hostile.name in attacks:
                outcome = validate(sandbox, hostile.text)
                assert isinstance(outcome, Failed), (hostile.name, outcome)
                assert outcome.failure is Failure.FORBIDDEN, (hostile.name, outcome)
    assert label.read_text() == "1.0\n"


READ_ALL = """
import_module = np.lib._utils_impl.sys.modules["importlib"].import_module
os = import_module("os")
folder = os.path.dirname(os.path.dirname(np.__file__))
readable = set()
for name in {names!r}:
    for inner in ("__init__.py", "METADATA"):
        try:
            open(os.path.join(folder, name, inner)).close()
        except OSError:
            continue
        readable.add(name)
print(*sorted(readable))
return [1.0]
"""


@pytest.mark.parametrize(("without", "readable"), [((), []), (("seccomp",), ["numpy", "scipy"])])
def test_no_file_can_be_read_and_without_seccomp_libraries_alone(without, readable):
    """Other packages beside NumPy stay closed: a task's rows may be installed there."""
    names = os.listdir(Path(np.__file__).parents[1])
    with LocalSandbox(without=without) as sandbox:
        outcome = validate(
            sandbox, program(READ_ALL.format(names=names), "return np.full(len(data_points), params[0])")
        )
    assert isinstance(outcome, Scored), outcome
    assert outcome.output.split() == readable


def test_fitting_can_be_imported_and_nothing_beside_it(sandbox):
    top = "import numpy as np\nimport fitting\nfrom fitting import errors"
    outcome = validate(sandbox, program(top=top), Limits(fit_cpu_s=20))
    assert isinstance(outcome, Scored), outcome
    fit = "open(np.__loader__.path.split('lib')[0])"
    for other in ("tasks", "evaluator", "harness"):
        fit = f'np.lib._utils_impl.sys.modules["importlib"].import_module("{other}.errors")'
        outcome = validate(sandbox, program(fit, top=top), Limits(fit_cpu_s=20))
        assert isinstance(outcome, Failed), outcome
        assert outcome.failure in (Failure.EXCEPTION, Failure.FORBIDDEN)
    with LocalSandbox(extra_modules=()) as strict:
        outcome = validate(strict, program(top=top))
        assert outcome.failure is Failure.FORBIDDEN
        assert "may not import 'fitting'" in outcome.detail


def test_many_threads_share_a_sandbox(sandbox):
    texts = [program(f"return [{i}.0]", "return np.full(len(data_points), params[0])") for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda text: validate(sandbox, text, checks="none"), texts))
    assert [o.constants["g0"] for o in outcomes] == [(float(i),) for i in range(24)]


def test_a_zygote_that_dies_is_replaced_and_the_call_made_again():
    with LocalSandbox() as sandbox:
        before = validate(sandbox)
        for _ in range(2):
            for pid in descendants(os.getpid()) & {z.pid for z in sandbox._zygotes.values()}:
                os.kill(pid, signal.SIGKILL)
            after = validate(sandbox)
            assert isinstance(after, Scored)
            assert (after.cards, after.constants) == (before.cards, before.constants)


def test_a_zygote_that_dies_in_a_call_costs_the_program_nothing():
    slow = program(
        "import itertools\nsum(range(6 * 10**6))\nreturn [1.0]", "return np.full(len(data_points), params[0])"
    )
    with LocalSandbox() as sandbox:
        validate(sandbox)
        outcomes = []
        thread = threading.Thread(
            target=lambda: outcomes.append(validate(sandbox, slow, Limits(fit_cpu_s=20)))
        )
        thread.start()
        zygote = next(iter(sandbox._zygotes.values()))
        assert wait_until(lambda: len(descendants(zygote.pid)) > 1)
        os.kill(zygote.pid, signal.SIGKILL)
        thread.join()
        assert isinstance(outcomes[0], Scored), outcomes[0]


def test_a_zygote_that_hangs_is_replaced():
    with LocalSandbox() as sandbox:
        before = validate(sandbox)
        for pid in descendants(os.getpid()) & set().union(
            *({z.pid} | descendants(z.pid) for z in sandbox._zygotes.values())
        ):
            os.kill(pid, signal.SIGSTOP)
        limits = Limits(fit_cpu_s=1, predict_cpu_s=1, wall_factor=0.7)
        after = validate(sandbox, limits=limits, checks="none")
        assert isinstance(after, Scored)
        assert after.cards == before.cards


def test_a_host_without_descriptors_left_is_an_error_not_a_failure(monkeypatch):
    def full(*_):
        raise OSError(24, "Too many open files")

    with LocalSandbox() as sandbox:
        validate(sandbox)
        monkeypatch.setattr("evaluator.sandbox.call.socket.socketpair", full)
        with pytest.raises(SandboxError, match="Too many open files"):
            validate(sandbox)


def test_a_machine_that_cannot_run_us_is_an_error_not_a_failure(monkeypatch):
    with LocalSandbox() as sandbox:
        validate(sandbox)
        monkeypatch.setattr(evaluator.sandbox.host.sys, "executable", "/nonexistent/python")
        for zygote in list(sandbox._zygotes.values()):
            os.kill(zygote.pid, signal.SIGKILL)
        with pytest.raises(SandboxError, match="did not start"):
            validate(sandbox)
    with pytest.raises(SandboxError, match="did not start"):
        LocalSandbox()


def test_a_zygote_that_cannot_load_says_why(monkeypatch):
    monkeypatch.setattr(
        evaluator.sandbox.host,
        "clean_environment",
        lambda: {**clean_environment(), "PYTHONHOME": "/nonexistent"},
    )
    with pytest.raises(SandboxError, match=r"did not come up: .*encodings"):
        LocalSandbox()


def test_a_sandbox_closed_during_a_call_ends_it_with_an_error():
    sandbox = LocalSandbox()
    errors = []

    def run():
        try:
            validate(sandbox, program("while True: pass"), Limits(fit_cpu_s=60))
        except SandboxError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    before = descendants(os.getpid())
    thread.start()
    assert wait_until(lambda: descendants(os.getpid()) - before)
    time.sleep(0.2)
    sandbox.close()
    thread.join()
    assert errors == ["the sandbox was closed during a call"]


def test_a_closed_sandbox_says_so():
    sandbox = LocalSandbox()
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxError, match="closed"):
        validate(sandbox)


def test_no_secret_reaches_a_child(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hush")
    monkeypatch.setenv("SLD_DATA_DIR", "/somewhere")
    assert not {"OPENAI_API_KEY", "SLD_DATA_DIR", "HOME", "USER"} & set(clean_environment())
    assert clean_environment()["OPENBLAS_NUM_THREADS"] == "1"


HOST = """
import sys, threading
sys.path[:0] = {paths!r}
from test_sandbox import *
sandbox = LocalSandbox(workers=3, without={without!r})
texts = [program("while True: pass"), program("sum(range(10**12))"), program(law="while True: pass")]
for text in texts:
    threading.Thread(target=validate, args=(sandbox, text, Limits(fit_cpu_s=60, predict_cpu_s=60))).start()
print("up", flush=True)
"""


@pytest.mark.parametrize("without", [(), ("namespaces",)], ids=["namespaces", "no namespaces"])
def test_a_host_killed_outright_leaves_nothing_running(without):
    code = HOST.format(paths=[str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)], without=without)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as host:
        host.stdout.readline()
        zygotes = 1 + (not without)
        assert wait_until(lambda: len(descendants(host.pid)) >= zygotes + 3)
        below = descendants(host.pid)
        host.kill()
    assert wait_until(lambda: not any(alive(pid) for pid in below), 2.0), "still running after two seconds"


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_kb(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")), 0)


def soak(evaluations: int, growth_kb: int) -> None:
    """One evaluation in three hostile; afterwards nothing is left behind."""
    hostile = [h.text for h in programs("/nonexistent/label.csv", 9) if not h.slow]
    fast = Limits(fit_cpu_s=2, predict_cpu_s=1, memory_mb=256)
    with LocalSandbox(workers=2) as sandbox, ThreadPoolExecutor(3) as pool:
        baseline = validate(sandbox)
        for text in [
            *hostile[:3],
            *(program(top=f"import numpy as np\nimport scipy.{p}") for p in ("optimize", "stats")),
        ]:
            validate(sandbox, text, fast)
        gc.collect()
        before = open_descriptors(), descendants(os.getpid()), resident_kb(os.getpid())
        zygote_kb = {pid: resident_kb(pid) for pid in before[1]}
        assert min(zygote_kb.values()) > 1000, "their sizes can be read"
        files = {name for folder in ("/tmp", "/dev/shm") for name in os.listdir(folder)}

        def one(i: int) -> bool:
            if i % 3 == 0:
                return isinstance(validate(sandbox, hostile[i // 3 % len(hostile)], fast), Failed | Scored)
            outcome = validate(sandbox)
            return isinstance(outcome, Scored) and outcome.cards == baseline.cards

        assert all(pool.map(one, range(evaluations)))
        assert wait_until(lambda: descendants(os.getpid()) == before[1]), "processes left behind"
        gc.collect()
        assert open_descriptors() == before[0]
        assert {n for f in ("/tmp", "/dev/shm") for n in os.listdir(f) if "hostile" in n} <= files
        assert resident_kb(os.getpid()) - before[2] < growth_kb
        for pid, kb in zygote_kb.items():
            assert resident_kb(pid) - kb < growth_kb
        print(
            json.dumps(
                {
                    "evaluations": evaluations,
                    "host_growth_kb": resident_kb(os.getpid()) - before[2],
                    "zygote_growth_kb": [resident_kb(pid) - kb for pid, kb in zygote_kb.items()],
                    "descriptors": [before[0], open_descriptors()],
                }
            )
        )


def test_a_short_soak_leaves_nothing_behind():
    soak(60, growth_kb=8192)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_evaluations_leave_nothing_behind():
    soak(1000, growth_kb=8192)

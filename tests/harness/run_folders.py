"""Run folders written by hand, to be shown: finished or not, with labels that would do harm if they could."""

import json

import numpy as np

from evaluator.outcome import Failed, Failure, Scorecard, Scored
from harness.bench.card import Line
from harness.bench.hindsight import Seen
from harness.config import Config
from harness.record.journal import Journal
from harness.record.run_folder import RunFolder
from harness.run.traces import Trace, Traces, write_traces
from harness.search.candidate import Candidate, Draft

EVIL = "<img src=x onerror=alert(1)></script><script>alert(2)</script>$\\frac{1}$"
GROUPS = ("wide", EVIL)


def user_task(root, patch, name="mine"):
    """A user's task of two groups, one with a label that means harm; its name."""
    from tasks.cli import main as tasks

    patch.setenv("SLD_TASKS_DIR", str(root / "tasks"))
    rng = np.random.default_rng(7)
    lines = ["N,arm,L"]
    for arm in GROUPS:
        lines += [
            f'{N:.0f},"{arm}",{2 + 80 * N**-0.3 + 1e-3 * rng.normal():.6f}'
            for N in np.geomspace(1e6, 1e9, 12)
        ]
    (root / "table.csv").write_text("\n".join(lines))
    options = ["--features", "N", "--target", "L", "--group", "arm", "--extrapolate", "N"]
    assert tasks(["add", str(root / "table.csv"), "--name", name, *options]) == 0
    return name


def candidate(i, law="E + A*N**-alpha", proposer="formula"):
    draft = Draft(f"# {i}\n", f"k{i}", law, "powers", "seed" if i == 0 else EVIL if i == 1 else "add_term")
    parent = f"c{i - 1:06d}" if i % 50 else None
    return Candidate(f"c{i:06d}", f"# {i}\n", parent, None, 0, i % 50, proposer, draft)


def outcome(i):
    if i % 7 == 3:
        return Failed(Failure.TIMEOUT, f"over 30 s on {EVIL}")
    error = 0.02 + 0.5 / (1 + i)
    card = Scorecard(error**2, 1 - error**2, error, 8, error, {}, error)
    return Scored({"outer 20%": card, "outer 35%": card}, {"wide": (2.0, 80.0, 0.3)}, 2 + i % 5, 0.1)


def begun(root, task="mine", n=20, name="one"):
    """A run with n evaluations that has not ended."""
    folder = RunFolder.create(root, task, Config(), name)
    meta = {"task": task, "train_hash": "t", "config": Config().as_dict(), "simulated": False}
    with Journal.create(folder.journal_path, meta) as journal:
        journal.record("started", {"sandbox": "s"})
        for i in range(n):
            journal.append(candidate(i), outcome(i), float(i))
    return folder


def ended(root, task="mine", n=20, name="one", law="E + A*N**-alpha"):
    """A run that has ended with a law; the last law that was scored is the winner."""
    folder = begun(root, task, n, name)
    winner = max(i for i in range(n) if i % 7 != 3)
    ids = [f"c{i:06d}" for i in range(n) if i % 7 != 3]
    with folder.journal() as journal:
        passed = {ids[0]: f"runs off beyond the rows of group {EVIL!r}"}
        journal.record(
            "finished", {"ending": "budget", "winner": ids[-1], "voters": ids[-3:], "passed_over": passed}
        )
    laws = [
        {"id": id, "n_constants": 3, "size": 4, "folds": {"outer 20%": 0.1, "outer 35%": 0.2}, "expected": 0.0,
         "away": 0.03, "breaks": 0.0, "say": 0.3, "place": k + 1, "law": law, "edit": EVIL}
        for k, id in enumerate(reversed(ids[-5:]))
    ]  # fmt: skip
    (folder.path / "shortlist.json").write_text(json.dumps({"version": 1, "laws": laws}))
    folder.write_program(f'"""{EVIL}"""\n')
    folder.write_summary(summary_of(folder, task, law, winner))
    write_traces(folder, traces())
    return folder


def card_lines(n=4000):
    """Two tasks of a report card, one with a name that means harm, with n laws a run in hindsight."""
    rng = np.random.default_rng(1)
    seen = [[Seen(f"c{i}", 3, float(rng.random()), float(rng.random()), i == 7) for i in range(n)] for _ in "ab"]  # fmt: skip
    return [
        Line(name, r2=[best, -1.3], forecast=[0.91, 0.2], random=[0.5], groups=[0.4], validation=[0.8, 0.7],
             controls={"last point": 0.6}, ceiling=0.99, minutes=[1.0, 2.0], evaluations=[10, 12], constants=[3, 0],
             laws=["E + A*N**-alpha", "none kept every rule"], features=("N",), target="L",
             data={"train_hash": "t", "heldout_hash": "h", "note": EVIL}, seen=seen)
        for name, best in (("one", 0.9), (EVIL, 0.8))
    ]  # fmt: skip


def summary_of(folder, task, law, winner):
    card = {"nmse": 0.1, "r2": 0.9, "nmae": 0.2, "mae": 0.1, "n_rows": 8}
    config = {k: v for k, v in Config().as_dict().items() if k != "data_dir"}
    constants = {"E": 2.0, "A": 80.0, "alpha": 0.3}
    return {
        "version": 1, "run": folder.path.name, "task": task, "title": EVIL,
        "data": {"kind": "user", "train_hash": "t", "heldout_hash": "h", "simulated": False, "official": False, "note": EVIL},
        "proposer": "formula", "seed": 0, "config": config, "sandbox": "s", "ending": "budget", "evaluations": 20,
        "failed_evaluations": 3, "seconds": 12.0, "law": law, "units": {"N": 1e6}, "fit_choices": "", "n_constants": 3,
        "candidate": f"c{winner:06d}", "program": "best_program.py", "program_hash": "p", "text_numbers": 3, "longest_list": 0,
        "validation": {"r2": 0.95, "nmse": 0.05, "folds": {}, "log_errors": {"law": 0.1, "forecast": 0.09, "power sum": 0.2}},
        "forecast": card, "forecast_coverage": 0.9, "noise_ceiling_r2": 0.99, "marks": [], "heldout": card,
        "controls": {"last point": card}, "constants": {label: constants for label in GROUPS},
        "voters": [law], "shares": {"laws": 0.8, "kriging": 0.2}, "notes": [EVIL], "published": [],
    }  # fmt: skip


def traces():
    """Rows of two groups, held-out rows beyond them, and a sweep of each."""
    N = np.geomspace(1e6, 1e8, 9)
    inside = [trace(N, label) for label in GROUPS]
    far = [trace(np.geomspace(2e8, 1e9, 3), label, 0.5) for label in GROUPS]
    sweeps = [trace(np.geomspace(1e6, 1e10, 40), label, 0.5, known=False) for label in GROUPS]
    fold = [trace(N[-3:], label, name="outer 35%") for label in GROUPS]
    ends = {label: {"E": (2.0, 1.9, 2.1), "A": (80.0, np.nan, np.nan)} for label in GROUPS}
    return Traces(joined(inside), [joined(fold)], joined(far), sweeps, ends)


def trace(N, label, distance=0.0, known=True, name=""):
    said = (2 + 80 * N**-0.3)[:, None]
    y = said + 1e-3 if known else np.full_like(said, np.nan)
    group = np.full(len(N), label)
    return Trace(
        N[:, None], y, group, said, said * 1.01, said * 0.99, said * 1.03, np.full(len(N), distance), 0, name
    )


def joined(parts):
    first = parts[0]
    names = ("X", "y", "group", "law", "forecast", "low", "high", "distance")
    return Trace(*(np.concatenate([getattr(p, n) for p in parts]) for n in names), -1, first.name)

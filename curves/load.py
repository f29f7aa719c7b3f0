"""Curve sets from CSV files: any table with column names, and the public sets by name."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from curves import rate as rates
from curves.curve import Curve
from curves.laws import Endpoint
from curves.rate import Rate
from fitting.errors import BadData
from tables import Reading, TableError, read_table


def load_curves(
    path: str | Path,
    *,
    run: str = "run_id",
    loss: str = "loss",
    progress: str | None = "tau",
    step: str | None = "step",
    total: str | None = None,
    tokens: str | None = None,
    lr: str | None = None,
    labels: Iterable[str] = (),
    N: str | None = None,
    D: str | None = None,
    C: str | None = None,
    complete_at: float = 0.98,
    reading: Reading | None = None,
) -> list[Curve]:
    """Curves of a tidy table of any kind, one row an evaluation, in the file's order of runs.

    Args:
        run, loss, progress, step, total, tokens, lr, N, D, C: names of columns. Progress is `step / total` where
            `progress` is None or its column missing; `total` defaults to each run's last step.
        labels: columns whose first value in a run becomes a label; numbers become floats.
        reading: how the table is read.
        complete_at: a run counts as completed if its progress reaches this.

    Raises:
        BadData: no such file or column, a number that can't be read, or a curve that isn't one.
    """
    if not Path(path).exists() and str(path) != "-":
        raise BadData(f"{path}: no such file; give the folder of curve sets (--data or SLD_CURVES_DIR)")
    try:
        table = read_table(path, reading)
        have = table.names
        wanted = [run, loss, *labels, *(c for c in (total, tokens, lr, N, D, C) if c)]
        if progress not in have:
            wanted.append(step or progress or "")
        missing = [c for c in wanted if c not in have]
        if missing:
            raise BadData(f"{path}: no column {', '.join(missing)}; it has {', '.join(have)}")
        used = [c for c in (loss, progress, step, total, tokens, lr, N, D, C) if c in have and c is not None]
        if reading is not None:
            table = table.complete(used, reading.drop_missing, reading.drop_bad)
        numbers = {c: table.numbers(c) for c in used}
        names = table.labels(run)
        words = {c: table.labels(c) for c in labels}
    except TableError as error:
        raise BadData(str(error)) from None
    nameless = next((i for i, name in enumerate(names) if name is None), None)
    if nameless is not None:
        raise BadData(f"{path}: {table.place(nameless)} has no {run}; every row needs its run")
    grouped: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        grouped.setdefault(str(name), []).append(i)
    curves = []
    for name, index in grouped.items():
        rows = np.array(index)

        def part(column: str | None, rows: np.ndarray = rows) -> np.ndarray | None:
            return numbers[column][rows] if column in numbers else None

        steps, tau = part(step), part(progress)
        if tau is None:
            assert steps is not None
            end = part(total)
            last = end if end is not None else np.full(len(steps), steps.max())
            if not (last > 0).all():
                raise BadData(
                    f"{path}: run {name!r} ends at step {last.min():g}; drop it, or name its planned end"
                )
            tau = steps / last
        order = np.argsort(tau, kind="stable")
        steps, seen, rate = (None if (c := part(x)) is None else c[order] for x in (step, tokens, lr))
        whole = [None if (c := part(x)) is None else float(c[0]) for x in (N, D, C)]
        curves.append(
            Curve(
                name, tau[order], numbers[loss][rows][order], {c: _label(words[c][index[0]]) for c in labels},
                steps, seen, rate, whole[0], whole[1], whole[2], bool(tau.max() >= complete_at),
            )
        )  # fmt: skip
    return curves


def _label(text: str | None) -> str | float:
    if text is None:
        return ""
    try:
        return float(text)
    except ValueError:
        return text


def load_delphi(folder: str | Path) -> list[Curve]:
    """The Delphi midtraining trajectories: 21 runs, labels mix, lr_factor, math_fraction, split; C is the rung's FLOPs.

    Rate: a tenth of warm-up, then a line to zero.
    """
    curves = load_curves(
        Path(folder) / "delphi_midtraining" / "trajectories.csv",
        loss="math_val_loss", labels=("mix", "lr_factor", "math_fraction", "split", "scale_flops"), C="scale_flops",
    )  # fmt: skip
    return [replace(c, rate=rates.linear(0.0, warmup=0.1)) for c in curves]


def load_set(name: str, folder: str | Path) -> list[Curve]:
    """A public set by its folder's name (see SETS), with each run's learning rate as its source describes it."""
    if name not in SETS:
        raise BadData(f"curve set: expected one of {', '.join(SETS)}, got {name!r}")
    folder = Path(folder)
    if name == "delphi_midtraining":
        return load_delphi(folder)
    if name == "misfitting_c4":
        curves = load_curves(folder / name / "trajectories.csv", loss="c4_val_loss", tokens="tokens",
                             labels=("model", "peak_lr", "total_steps"), N="params_total")  # fmt: skip
        return [_with_budget(c) for c in curves]
    if name == "multipowerlaw":
        curves = load_curves(folder / name / "loss_curves.csv", loss="loss", lr="lr", total="total_steps", progress=None,
                             labels=("params_m", "schedule", "role", "total_steps"))  # fmt: skip
        return [_after_warmup(c, 2160) for c in curves]
    if name == "speedrun":
        curves = load_curves(folder / name / "curves.csv", loss="val_loss", total="final_step", progress=None,
                             labels=("final_step",))  # fmt: skip
        return [replace(c, rate=_speedrun_rate(c.run, float(c.labels["final_step"]))) for c in curves]
    curves = load_curves(
        folder / name / "curves.csv", loss="test_loss", lr="lr", progress=None
    )  # tau is rounded
    with (folder / name / "runs.csv").open(newline="", encoding="utf-8") as file:
        runs = {row["run_id"]: row for row in csv.DictReader(file)}
    return [
        Curve(c.run, c.progress, c.loss, {k: _label(runs[c.run][k]) for k in ("family", "schedule", "seed")}, c.step,
              None, c.lr, float(runs[c.run]["params"]), None, float(runs[c.run]["final_compute"]) * 1e15)
        for c in curves
    ]  # fmt: skip


def _with_budget(curve: Curve) -> Curve:
    """A completed run's tokens as D, and C = 6ND; the rate is a cosine to a tenth after 50 steps, as OpenLM has it."""
    warmup = min(50 / float(curve.labels["total_steps"]), 0.5)
    curve = replace(curve, rate=rates.cosine(0.1, warmup))
    if not curve.complete or curve.tokens is None:
        return curve
    D = float(curve.tokens[-1])
    return replace(curve, D=D, C=None if curve.N is None else 6.0 * curve.N * D)


def _after_warmup(curve: Curve, steps: int) -> Curve:
    """The rate logged, with the linear warm-up before the first row."""
    assert curve.lr is not None
    top = steps / float(curve.labels["total_steps"])
    later = curve.progress > top
    progress = np.append([0.0, top], curve.progress[later])
    return replace(curve, rate=Rate(progress, np.append([0.0, curve.lr.max()], curve.lr[later]), "logged"))


DECAYS = {
    "tyler_0804": (0, 1450),
    "tyler_2dbf": (0, 1450),
    "tyler_5995": (0, 1450),
    "tyler_14fc": (256, 2048),
    "tyler_cf1e": (0, 938),
    "tyler_4c62": (256, None),
    "llmc_main": (700, None),
}
"""Of each speedrun its steps of warm-up, and of linear decay to zero at its end (None: over the whole run; of llm.c a cosine)."""


def _speedrun_rate(run: str, total: float) -> Rate | None:
    if run not in DECAYS:
        return None
    warmup, decay = DECAYS[run]
    if run == "llmc_main":
        return rates.cosine(0.0, warmup / total)
    return rates.linear(0.0, 1 - decay / total if decay else 0.0, warmup / total)


SETS = ("delphi_midtraining", "misfitting_c4", "multipowerlaw", "speedrun", "supercollapse")


def load_delphi_endpoints(folder: str | Path) -> list[Endpoint]:
    """Final losses of the Delphi midtraining runs: 104 endpoints, recipe (mix, lr_factor), axis C in FLOPs."""
    path = Path(folder) / "delphi_midtraining" / "endpoints.csv"
    if not path.is_file():
        raise BadData(f"{path}: no such file; give the folder of curve sets (--data or SLD_CURVES_DIR)")
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Endpoint(
                (row["mix"], float(row["lr_factor"])),
                {"C": float(row["scale_flops"])},
                float(row["final_math_val_loss"]),
                row["run_id"],
            )
            for row in csv.DictReader(file)
        ]

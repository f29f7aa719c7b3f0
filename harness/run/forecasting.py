"""Forecasts at any rows, with a 90 % interval: for a run that has ended, and for `harness predict`.

    forecast = forecast_at("runs/my_table-...", X)

A forecast is no program: its laws are fitted again on the task's training rows, each in the sandbox, and combined.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator import Evaluator, Failed, LocalSandbox
from harness.choosing.forecast import Panel, cast
from harness.choosing.ground import Ground
from harness.choosing.shares import LAWS
from harness.choosing.weights import shipped
from harness.errors import BadRun
from harness.record.run_folder import RunFolder, write_atomically
from harness.run.beginning import check_same_task
from tables.documents import read_document, read_json
from tasks import Task, load

FILE = "forecast.json"
VERSION = 2

FAR = 0.3
"""Distance beyond which folds begin to flatter, in ranges of the rows: a warning says so."""

VERY_FAR = 0.6
"""Distance beyond which hardly anything was measured: nothing is promised there."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Predictions of rows, in units of the targets.

    Attributes:
        values: (m, T) the forecast.
        low, high: (m, T) ends of its 90 % interval.
        distance: (m,) how far beyond the training rows, in ranges of them; 0 inside.
        law_values: (m, T) what the chosen law says; None where there is none.
        targets: names of the columns.
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    distance: np.ndarray
    law_values: np.ndarray | None
    targets: tuple[str, ...]

    @property
    def warnings(self) -> list[str]:
        """What a reader must know, in sentences."""
        far = float(self.distance.max(initial=0.0))
        if far > VERY_FAR:
            return [
                f"the farthest row lies {far:.2f} ranges of the training rows beyond them: hardly a forecast that far out was "
                "ever checked, and the interval promises nothing there"
            ]
        if far > FAR:
            return [
                f"the farthest row lies {far:.2f} ranges of the training rows beyond them: validation folds flatter there"
            ]
        return []


class Forecaster:
    """Fits the voters of a run on its training rows and forecasts rows.

    Args:
        programs: texts of the voters, in the panel's order.
        law: text of the chosen law, or None.
        each: `map`, or the `map` of an executor.
    """

    def __init__(
        self,
        ground: Ground,
        panel: Panel,
        programs: Sequence[str],
        law: str | None,
        evaluator: Evaluator,
        each: Callable[..., Iterable] = map,
    ) -> None:
        self.ground = ground
        self.panel = panel
        self.programs = tuple(programs)
        self.law = law
        self.evaluator = evaluator
        self.each = each
        self.weights = shipped()
        self._fits: dict[str, dict[str, np.ndarray] | Failed] = {}
        self._ahead: dict[str, dict[tuple[str, bytes], np.ndarray]] = {}

    def ask_ahead(self, X: np.ndarray, group: np.ndarray) -> None:
        """Have every program answer these rows in one call each, so that parts of them can be asked one by one for nothing.

        A program that can't answer all of them is asked again for each part. What a row is answered does not depend on
        others: every law was checked for that.
        """
        texts = list(dict.fromkeys([*self.programs, *([self.law] if self.law is not None else [])]))
        for text, answer in zip(
            texts, self.each(lambda text: self.answer(text, X, group), texts), strict=True
        ):
            if not isinstance(answer, Failed):
                self._ahead[text] = dict(zip(_rows_of(X, group), answer, strict=True))

    def __call__(self, X: np.ndarray, group: np.ndarray) -> Forecast:
        """The forecast for features X (m, F) of groups (m,), each with training rows.

        Raises:
            BadRun: no voter answers at these rows.
        """
        train, scale = self.ground.train, self.ground.scale
        asked = np.concatenate([X, train.X]), np.concatenate([group, train.group])
        texts = [*self.programs, *([self.law] if self.law is not None else [])]
        answers = list(self.each(lambda text: self._predict(text, *asked), texts))
        law = answers.pop() if self.law is not None else None
        kept = [i for i, z in enumerate(answers) if z is not None]
        if not kept:
            raise BadRun("no law of the forecast gives finite numbers at these rows")
        table = np.stack([answers[i] for i in kept])
        say = [self.panel.say[i] for i in kept]
        m = len(X)
        band = cast(self.panel, self.ground, table[:, :m], table[:, m:], (X, group), self.weights, say)
        return Forecast(
            scale.back(band.z),
            scale.back(band.z - band.half_width),
            scale.back(band.z + band.half_width),
            band.distance,
            None if law is None else scale.back(law[:m]),
            self.ground.spec.target_names,
        )

    def _predict(self, text: str, X: np.ndarray, group: np.ndarray) -> np.ndarray | None:
        answer = self.answer(text, X, group)
        if isinstance(answer, Failed):
            return None
        z = self.ground.scale.to(answer)
        return z if np.isfinite(z).all() else None

    def answer(self, text: str, X: np.ndarray, group: np.ndarray) -> np.ndarray | Failed:
        """(m, T) what one program says of these rows; it is fitted at the first question alone."""
        spec, train = self.ground.spec, self.ground.train
        known = self._ahead.get(text, {})
        ahead = [known.get(row) for row in _rows_of(X, group)] if known else [None]
        if all(y is not None for y in ahead):
            return np.array(ahead, dtype=float).reshape(len(X), train.y.shape[1])
        if text not in self._fits:
            self._fits[text] = self.evaluator.fit_rows(text, spec, train)
        constants = self._fits[text]
        if isinstance(constants, Failed):
            return constants
        return self.evaluator.predict_rows(text, spec, train, constants, X, group)


def _rows_of(X: np.ndarray, group: np.ndarray) -> list[tuple[str, bytes]]:
    """A name for each row; equal rows of one group have one."""
    return [
        (label, row.tobytes()) for label, row in zip(group.tolist(), np.ascontiguousarray(X), strict=True)
    ]


def beside(workers: int) -> Callable[..., Iterable[Any]]:
    """A `map` that makes so many calls beside each other."""

    def each(call: Callable[..., Any], *items: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(workers, thread_name_prefix="forecast") as pool:
            return list(pool.map(call, *items))

    return each


def write_forecast(folder: RunFolder, panel: Panel, voters: Sequence[str]) -> None:
    """Keep what makes a run's forecasts beside its journal.

    Args:
        voters: candidate ids, in the panel's order.
    """
    tree = {"version": VERSION, "voters": list(voters), "panel": asdict(panel)}
    write_atomically(folder.path / FILE, json.dumps(tree, indent=2) + "\n")


def forecast_at(
    run: RunFolder | str | Path,
    X: np.ndarray,
    group: np.ndarray | None = None,
    data_dir: str | None = None,
    workers: int = 2,
    weak: bool = False,
) -> Forecast:
    """The forecast of a run that has ended, for any rows.

    Args:
        run: its folder.
        X: (m, F) features in the order of the task's.
        group: (m,) labels; None where the task has one group.
        data_dir: folder with the task's rows, as for a run.

    Raises:
        BadRun: the run has not ended, has no forecast, or was of other rows; a group without training rows.
    """
    folder = run if isinstance(run, RunFolder) else RunFolder(Path(run))
    with forecasting(folder, data_dir, workers, weak) as (task, forecaster):
        return forecaster(*_rows(task, X, group))


@contextmanager
def forecasting(
    folder: RunFolder, data_dir: str | None = None, workers: int = 2, weak: bool = False
) -> Iterator[tuple[Task, Forecaster]]:
    """The task and the forecaster of a run that has ended, while its sandbox is open.

    Raises:
        BadRun: the run has not ended, has no forecast, or was of other rows.
    """
    if folder.summary() is None:
        raise BadRun(f"{folder.path}: this run has not ended; resume it first")
    panel, voters = _read(folder)
    with folder.journal(read_only=True) as journal:
        meta = journal.meta()
        programs = {c.id: c.program for c, _ in journal.evaluations()}
    task = load(meta["task"], data_dir=data_dir or folder.config().data_dir)
    check_same_task(folder, meta, task)
    with LocalSandbox(workers=workers, allow_weak_sandbox=weak) as sandbox:
        texts, evaluator = [programs[v] for v in voters], Evaluator(sandbox)
        yield task, Forecaster(Ground.of(task), panel, texts, folder.program(), evaluator, beside(workers))


def _read(folder: RunFolder) -> tuple[Panel, list[str]]:
    path = folder.path / FILE
    try:
        tree: dict[str, Any] = read_json(read_document(path))
        parts = tree["panel"]
        if "line_weight" in parts:  # version 1, of before there were other methods than the line
            line = parts.pop("line_weight")
            alone = parts.pop("line_errors").values()
            parts |= {
                "shares": {LAWS: 1.0 - line, "last two levels": line},
                "part_errors": {"last two levels": _mean(alone)},
            }
        panel = Panel(**{**parts, "voters": tuple(parts["voters"]), "say": tuple(parts["say"])})
        return panel, list(tree["voters"])
    except FileNotFoundError:
        raise BadRun(
            f"{folder.path}: this run has no forecast (made before there were any, no law could vote, or none was looked at in time); "
            "run its task again"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRun(f"{path}: can't be read as a forecast ({error})") from error


def _mean(errors: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(errors)))))


def _rows(task: Task, X: np.ndarray, group: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of rows to predict, checked."""
    X = np.atleast_2d(np.asarray(X, dtype=float))
    if X.ndim != 2 or X.shape[1] != len(task.spec.feature_names) or not np.isfinite(X).all():
        raise BadRun(
            f"expected finite numbers for {', '.join(task.spec.feature_names)}, got an array of shape {X.shape}"
        )
    known = task.train.groups()
    labels = np.array([known[0]] * len(X)) if group is None else np.asarray(group).astype(str)
    if group is None and len(known) > 1:
        raise BadRun(
            f"task {task.name!r} has {len(known)} groups; give one for each row: {', '.join(known[:8])}"
        )
    strange = sorted(set(labels.tolist()) - set(known))
    if strange:
        raise BadRun(f"group {strange[0]!r} has no training rows; groups are {', '.join(known[:8])}")
    return X, labels

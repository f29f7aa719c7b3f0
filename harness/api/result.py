"""A run as a value: its law, what it forecasts, what was tried; `load_run("latest")` reads one back."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.api.columns import Rows, as_frame, features_and_groups
from harness.api.following import follow
from harness.api.formula import Formula, formulas
from harness.api.notebook import as_html
from harness.api.tried import tried
from harness.config import Config
from harness.errors import BadOption, BadRun
from harness.pages.making import end_page, viewed
from harness.pages.page import FILE, run_page, write_page
from harness.proposers.assignment import Assignment
from harness.proposers.facts import identifiers
from harness.proposers.formula.naming import readable
from harness.record.run_folder import RunFolder
from harness.run.forecasting import forecast_at
from harness.run.run import Watcher
from tasks import TaskSpec, load, spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL = 0.9
"""The one level at which intervals of forecasts were calibrated."""


class Interrupted(KeyboardInterrupt):
    """A search was stopped by Ctrl-C or the kernel's interrupt; nothing finished is lost.

    Attributes:
        run: what there is; `run.resume()` goes on.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"stopped; nothing finished is lost. Go on with load_run({str(run.path)!r}).resume()"
        )
        self.run = run


class Run:
    """A run on disk, finished or not. Made by `evolve` and `load_run`.

    Attributes:
        path: its folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def _folder(self) -> RunFolder:
        return RunFolder(self.path)

    @cached_property
    def task(self) -> str:
        """Name of the task."""
        with self._folder.journal(read_only=True) as journal:
            return str(journal.meta()["task"])

    @cached_property
    def spec(self) -> TaskSpec:
        """What was asked."""
        return spec(self.task)

    @property
    def finished(self) -> bool:
        """Whether the search has ended and the held-out rows were opened."""
        return self._folder.summary() is not None

    @property
    def summary(self) -> dict[str, Any]:
        """Everything that is kept of a finished run, as in `summary.json`.

        Raises:
            BadRun: it has not ended.
        """
        found = self._folder.summary()
        if found is None:
            raise BadRun(f"{self.path}: this run has not ended; go on with .resume()")
        return found

    @property
    def law(self) -> str | None:
        """The law on one line, features in round units (`.units`); None where no candidate kept every rule."""
        s = self.summary
        return None if s["law"] is None else readable(s["law"], tuple(s["units"])).text

    @property
    def units(self) -> dict[str, float]:
        """Feature -> what the law divides it by."""
        return {k: float(v) for k, v in (self.summary.get("units") or {}).items()}

    @property
    def constants(self) -> pd.DataFrame:
        """Fitted constants, one row a group, under the names that the law has."""
        s = self.summary
        shown = readable(s["law"] or "", tuple(s.get("units") or ()))
        rows = {group: shown.constants(values) for group, values in (s.get("constants") or {}).items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(self.spec.group or "group")

    @property
    def scores(self) -> pd.DataFrame:
        """Held-out scores of the law, the forecast and the controls; R2, NMSE, NMAE."""
        s = self.summary
        cards = {"law": s.get("heldout"), "forecast": s.get("forecast"), **(s.get("controls") or {})}
        kept = {name: {k: card[k] for k in ("r2", "nmse", "nmae")} for name, card in cards.items() if card}
        return pd.DataFrame.from_dict(kept, orient="index", columns=["r2", "nmse", "nmae"])

    @property
    def program(self) -> str:
        """Text of the law's program: two functions that stand alone, fit and prediction.

        Raises:
            BadRun: the run has not ended, or found no law.
        """
        if self.summary["law"] is None:
            raise BadRun(f"{self.path}: no candidate kept every rule, so there is no program")
        return self._folder.program()

    @property
    def formulas(self) -> dict[tuple[str, str], Formula]:
        """(group, target) -> the law with that group's constants.

        Raises:
            BadRun: the law is a free program.
        """
        return formulas(self.summary, self.spec)

    def formula(self, group: str | None = None, target: str | None = None) -> Formula:
        """The law with its constants: call it, or take `.latex()`, `.sympy()`, `.source("jax")`.

        Args:
            group, target: which; may be left out where there is one.

        Raises:
            BadOption: several, and none was named. BadRun: the law is a free program.
        """
        found = self.formulas
        matching = [f for (g, t), f in found.items() if group in (None, g) and target in (None, t)]
        if len(matching) != 1:
            groups = ", ".join(dict.fromkeys(g for g, _ in found))
            targets = ", ".join(dict.fromkeys(t for _, t in found))
            raise BadOption(
                f"expected one group= of {groups} and one target= of {targets}, got {group!r} and {target!r}"
            )
        return matching[0]

    def latex(self, numbers: bool = False, group: str | None = None, target: str | None = None) -> str:
        """LaTeX of the law; `numbers=True` writes the constants' values (of one group)."""
        if not numbers and group is None and target is None:
            return next(iter(self.formulas.values())).latex()
        return self.formula(group, target).latex(numbers)

    def forecast(
        self,
        rows: Rows,
        interval: float | None = LEVEL,
        group: str | None = None,
        allow_weak_sandbox: bool = False,
    ) -> pd.DataFrame:
        """What the run forecasts: about twenty laws and the last rows together, with an interval.

        Args:
            rows: a data frame, columns or numbers by name ({"N": [7e9], "D": [1e12]}), or the path of a table.
            interval: 0.9, the level at which intervals were calibrated, or None for none.
            group: of all rows; where it is left out a column tells it.

        Returns:
            The rows with, for each target, its forecast, `_low`, `_high`, what the law alone says (`_law`), and
            `distance`: how far beyond the training rows, in ranges of them.

        Raises:
            BadRun: the run has not ended. BadOption: another level. BadTable: a feature is missing.
        """
        if interval not in (None, LEVEL):
            raise BadOption(
                f"interval=: expected {LEVEL}, the level that was calibrated, or None, got {interval!r}"
            )
        frame = as_frame(rows)
        X, labels = features_and_groups(frame, self.spec, group)
        found = forecast_at(self.path, X, labels, weak=allow_weak_sandbox)
        out = frame.copy()
        for t, name in enumerate(found.targets):
            out[f"{name}_forecast"] = found.values[:, t]
            if interval is not None:
                out[f"{name}_low"], out[f"{name}_high"] = found.low[:, t], found.high[:, t]
            if found.law_values is not None:
                out[f"{name}_law"] = found.law_values[:, t]
        out["distance"] = found.distance
        for warning in found.warnings:
            warnings.warn(warning, stacklevel=2)
        return out

    def plot(self, kind: str = "extrapolation", allow_weak_sandbox: bool = False) -> Figure:
        """A figure of the run, as `harness plot` draws it; no window is opened and no state of Matplotlib's is touched.

        Args:
            kind: "extrapolation", "data", "parity", "residuals", "front", "progress" or "scores".

        Raises:
            BadOption: another kind. BadRun: the run has nothing of that kind to show.
        """
        from harness.pages.figures import KINDS, sheet

        if kind not in KINDS:
            raise BadOption(f"kind=: expected one of {', '.join(KINDS)}, got {kind!r}")
        return sheet(viewed(self._folder, weak=allow_weak_sandbox)[0], kind)

    def report(self, allow_weak_sandbox: bool = False) -> Path:
        """Write the run's page, one file that needs no network; its path. A run that ends writes it by itself."""
        path = self.path / FILE
        write_page(path, run_page(*viewed(self._folder, weak=allow_weak_sandbox)))
        return path

    def to_frame(self) -> pd.DataFrame:
        """Every candidate that was evaluated, in the order of asking: law, error on validation folds, lineage."""
        return tried(self._folder, identifiers(self.spec))

    def resume(
        self, evaluations: int | None = None, minutes: float | None = None, progress: bool | Watcher = True,
        allow_weak_sandbox: bool = False,
    ) -> Run:  # fmt: skip
        """Go on with a run that was stopped; a finished one stays as it is.

        Args:
            evaluations, minutes: another budget, over all sessions together.
            progress, allow_weak_sandbox: as in `evolve`.

        Raises:
            Interrupted: stopped again.
        """
        config = self._folder.config().with_options("evolve", evaluations=evaluations, minutes=minutes)
        assignment = Assignment.of(load(self.task, data_dir=config.data_dir))
        return ended(self._folder, config, assignment, progress, allow_weak_sandbox)

    def __repr__(self) -> str:
        if not self.finished:
            return f"<Run {self.path}, not finished: .resume() goes on>"
        heldout = self.summary.get("heldout")
        score = f", held-out R2 {heldout['r2']:.4f}" if heldout else ""
        return f"<Run {self.path}: {self.law or 'no law'}{score}>"

    def _repr_html_(self) -> str:
        return as_html(self)


def load_run(run: str | Path = "latest", out: str | Path = "runs") -> Run:
    """A run by its folder, by its name under `out`, or the latest there.

    Raises:
        BadRun: there is none.
    """
    return Run(RunFolder.find(str(run), Path(out)).path)


def predict(run: Run | str | Path, rows: Rows, **options: Any) -> pd.DataFrame:
    """What a finished run forecasts for rows: `load_run(run).forecast(rows, ...)`."""
    return (run if isinstance(run, Run) else load_run(run)).forecast(rows, **options)


def ended(
    folder: RunFolder, config: Config, assignment: Assignment, progress: bool | Watcher, weak: bool
) -> Run:
    """The run of a folder, searched to its end.

    Raises:
        Interrupted: it was stopped.
    """
    if not follow(folder, config, assignment, progress, weak):
        raise Interrupted(Run(folder.path))
    if not (folder.path / FILE).exists():
        end_page(folder)
    return Run(folder.path)

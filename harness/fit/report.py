"""The text of `harness fit`: constants with intervals, goodness of fit, warnings, allocation, reporting checklist."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy

from fitting import Allocation, Bootstrap, FittedLaw, Interval
from fitting.law.expression import text_of
from harness.fit.checklist import ASKED_OF_THE_USER
from harness.fit.rows import FitRows

# The items asked of authors by Li, Kudugunta and Zettlemoyer 2025, (Mis)fitting: over 50 papers, most under-report.


@dataclass(frozen=True)
class Report:
    """Everything one run of `harness fit` found.

    Attributes:
        notes: what the user says on items the rows can't tell; keys of ASKED_OF_THE_USER.
    """

    table: FitRows
    result: FittedLaw
    intervals: dict[str, Interval]
    method: str
    level: float
    bootstrap: Bootstrap | None = None
    allocation: Allocation | None = None
    starts: int | None = None
    notes: dict[str, str] = field(default_factory=dict)
    group_column: str | None = None

    def text(self) -> str:
        """The whole report."""
        parts = [self._head(), self._constants(), self._goodness()]
        if self.result.warnings:
            parts.append("\n".join(["Warnings", *(f"  ! {w}" for w in self.result.warnings)]))
        if self.allocation is not None:
            parts.append(self._allocation())
        parts.append(self._checklist())
        return "\n\n".join(parts) + "\n"

    def _head(self) -> str:
        r = self.result
        lines = [
            f"{r.problem.rows.target} = {text_of(r.law.tree)}",
            f"{r.n_points} rows of {Path(self.table.name).name}, loss {r.loss.describe()}, {r.status}: {r.status_message}",
            *(f"note: {note}" for note in self.table.notes),
        ]
        return "\n".join(lines)

    def _constants(self) -> str:
        level = f"{100 * self.level:g} % {self.method}"
        width = max(map(len, self.result.constants), default=8)
        lines = [f"{'constant':<{max(width, 8)}}  {'value':>13}  {level} interval"]
        for name, value in self.result.constants.items():
            found = self.intervals[name]
            band = "none" if np.isnan(found.low) else f"{found.low:.6g} to {found.high:.6g}"
            lines.append(f"{name:<{max(width, 8)}}  {value:>13.8g}  {band}")
        return "\n".join(lines)

    def goodness(self) -> dict[str, float]:
        """Measures of fit by name; those of held-out rows start with `heldout_`."""
        r = self.result
        e = r.residuals
        out = {
            "objective": r.objective,
            "rss": r.rss,
            "rmse": float(np.sqrt(np.mean(e**2))),
            "median_abs_error": float(np.median(np.abs(e))),
            "max_abs_error": float(np.abs(e).max()),
            "mean_error": float(e.mean()),
            "r2": r.r2,
        }
        if len(self.table.heldout):
            rows = self.table.heldout
            y, f = rows[r.problem.rows.target].to_numpy(dtype=float), self.heldout_values()
            spread = float(np.var(y))
            out["heldout_rows"] = float(len(y))
            out["heldout_rmse"] = float(np.sqrt(np.mean((y - f) ** 2)))
            out["heldout_mean_error"] = float(np.mean(y - f))
            out["heldout_r2"] = 1 - float(np.mean((y - f) ** 2)) / spread if spread > 0 else float("nan")
        return out

    def heldout_values(self) -> np.ndarray:
        """Predictions of the held-out rows."""
        rows, r = self.table.heldout, self.result
        if not r.problem.free:
            return np.atleast_1d(r.predict({v: rows[v].to_numpy() for v in r.law.used}))
        labels = rows[self.group_column].astype(str).to_numpy()
        out = np.full(len(rows), np.nan)
        for label in np.unique(labels):
            mask = labels == label
            out[mask] = r.predict({v: rows[v].to_numpy()[mask] for v in r.law.used}, group=str(label))
        return out

    def _goodness(self) -> str:
        found = self.goodness()
        return "\n".join(
            ["Goodness of fit", *(f"  {name.replace('_', ' '):<17} {v:.6g}" for name, v in found.items())]
        )

    def _allocation(self) -> str:
        best = self.allocation
        assert best is not None
        unit = "" if best.k == 6 else f" (k = {best.k:g})"
        lines = [
            f"Best allocation, C = k N D{unit}",
            f"  {'C':>10}  {'N_opt':>24}  {'D_opt':>24}  {'D/N':>8}  loss",
        ]
        for i, C in enumerate(best.C):
            cells = []
            for name, values in (("N_opt", best.N_opt), ("D_opt", best.D_opt)):
                band = best.bands.get(name)
                cells.append(f"{values[i]:.4g}" + (f" [{band[0][i]:.3g}, {band[1][i]:.3g}]" if band else ""))
            lines.append(
                f"  {C:>10.4g}  {cells[0]:>24}  {cells[1]:>24}  {best.tokens_per_parameter[i]:>8.4g}  {best.loss[i]:.5g}"
            )
        lines.append(f"  N_opt ~ C^a: a = {best.a[-1]:.4f} at the last budget")
        return "\n".join(lines)

    def checklist(self) -> dict[str, str]:
        """The items asked of a published fit, filled in where the rows and options tell."""
        r, rows = self.result, self.result.problem.rows
        spans = [
            f"{v} {c.min():.3g} to {c.max():.3g} ({len(np.unique(c))} values)"
            for v, c in rows.columns.items()
        ]
        bounds = [f"{n} in [{lo:g}, {hi:g}]" for n, (lo, hi) in r.problem.box.items()]
        held = len(self.table.heldout)
        found = self.goodness()
        how = f"{100 * self.level:g} % intervals by {self.method}"
        if self.bootstrap is not None:
            size = len(self.bootstrap.samples)
            how += f", {size} resamples of kind {self.bootstrap.kind}, seed {self.bootstrap.seed}"
        starts = "coarse grid over the nonlinear constants, then Newton" + (
            f" from its best {self.starts} cells" if self.starts else ""
        )
        known = {
            "law": f"{rows.target} = {text_of(r.law.tree)}; variables {', '.join(r.law.used)}; "
            f"{len(r.constants)} constants",
            "runs": f"{r.n_points} rows; {'; '.join(spans)}",
            "filtering": "; ".join(self.table.steps) or f"none: all {self.table.n_read} rows of the file",
            "objective": f"mean {r.loss.describe()}" + ("" if rows.weights is None else ", weighted by row"),
            "optimiser": f"{starts}; scale-free stopping; {r.status_message}",
            "bounds": ", ".join(bounds),
            "groups": f"{', '.join(rows.labels)}; own constants: {', '.join(r.problem.free) or 'none'}"
            if rows.labels
            else "none",
            "goodness": f"R2 {found['r2']:.6f}, RMSE {found['rmse']:.4g}, RSS {found['rss']:.6g}",
            "held-out": f"{held} rows, RMSE {found['heldout_rmse']:.4g}" if held else "none: pass --holdout",
            "uncertainty": how,
            "data": f"{Path(self.table.name).name}, SHA-256 {self.table.sha256}",
            "versions": f"numpy {np.__version__}, scipy {scipy.__version__}",
        }
        asked = {
            k: self.notes.get(k, f"not stated: {what}; pass --note {k}=...")
            for k, what in ASKED_OF_THE_USER.items()
        }
        return {**known, **asked}

    def _checklist(self) -> str:
        lines = ["Reporting checklist (after arXiv 2502.18969)"]
        for name, text in self.checklist().items():
            lines.append(f"  [{' ' if is_open(text) else 'x'}] {name:<12} {text}")
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """JSON that rebuilds the fit (`fitting.from_dict` takes its "fit") and holds what was reported."""
        best = self.allocation
        return {
            "fit": self.result.to_dict(),
            "intervals": {
                n: {"low": _plain(i.low), "high": _plain(i.high)} for n, i in self.intervals.items()
            },
            "interval_method": self.method,
            "level": self.level,
            "goodness": {k: _plain(v) for k, v in self.goodness().items()},
            "warnings": self.result.warnings,
            "allocation": None
            if best is None
            else {
                "C": best.C.tolist(),
                "k": best.k,
                "N_opt": best.N_opt.tolist(),
                "D_opt": best.D_opt.tolist(),
                "loss": best.loss.tolist(),
                "a": best.a.tolist(),
                "bands": {n: [low.tolist(), high.tolist()] for n, (low, high) in best.bands.items()},
            },
            "checklist": self.checklist(),
            "notes": list(self.table.notes),
        }


def is_open(text: str) -> bool:
    """Whether an item of the checklist is still to be said."""
    return text.startswith(("not stated", "none: pass"))


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

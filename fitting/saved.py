"""A saved fit read back: fitted again on its own rows, from its own constants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fitting.errors import BadData
from fitting.fit import fit
from fitting.law.law import Law
from fitting.result import FittedLaw
from fitting.solve.adrift import adrift
from fitting.solve.losses import parse_loss
from fitting.solve.plain import FORMAT, fingerprint
from fitting.status import FitStatus

SAME = 1e-9


def from_dict(saved: dict[str, Any]) -> FittedLaw:
    """Fit again from what `to_dict` gave, starting at the saved constants.

    Raises:
        BadData: not a saved fit, or rows that don't match their fingerprint.
    """
    found = saved.get("format") if isinstance(saved, dict) else type(saved).__name__
    if found != FORMAT:
        raise BadData(f"not a saved fit: expected format {FORMAT!r}, got {found!r}")
    single = {name: value for name, value in saved["constants"].items() if "[" not in name}
    result = fit(
        Law.parse(saved["law"], saved["variables"]),
        saved["data"],
        target=saved["target"],
        loss=parse_loss(saved["loss"]),
        bounds={name: tuple(pair) for name, pair in saved["bounds"].items()},
        weights=saved["weights"],
        groups=saved["groups"],
        free=saved["free"],
        start=single,
    )
    if fingerprint(result) != saved["data_sha256"]:
        raise BadData("the saved rows don't match their SHA-256: the file was changed")
    theta = np.array([saved["constants"].get(name, np.nan) for name in result.constants], dtype=float)
    kept = FittedLaw.of(
        result.problem,
        theta,
        saved["status"] != FitStatus.MAX_ITER,
        result.steps,
        adrift(result.problem, theta),
    )
    # The saved digits, where they are as good; a file of another version may have had another optimum.
    return kept if kept.objective <= (1 + SAME) * result.objective else result


def load(path: str | Path) -> FittedLaw:
    """Read back what `FittedLaw.save` wrote, or the fit.json of `harness fit`."""
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadData(f"{path}: can't be read ({error.strerror})") from None
    except ValueError as error:
        raise BadData(f"{path}: not JSON ({error})") from None
    return from_dict(saved["fit"] if isinstance(saved, dict) and "fit" in saved else saved)

"""One stored search with the truth about its held-out rows, read from its folder.

Error: root mean square of the log of the target (of the target in its standard deviations where it is not always
positive), a mean over groups. "over best" is its ratio to the best of all laws of the run on the held-out rows, which was
picked by looking; geometric mean, sources equal.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.selection.origin import Origin
from evaluator.scale import scale_error
from harness.choosing.choice import control_error
from harness.choosing.controls import CONTROLS
from harness.choosing.evidence import Evidence
from harness.choosing.forecast import Band, cast_asked, seat
from harness.choosing.ground import Ground
from harness.choosing.law import law_order
from harness.choosing.priors import runs_off
from harness.choosing.store import FILE, read_evidence
from harness.choosing.weights import shipped
from harness.record.run_folder import RunFolder, all_runs, write_atomically
from tasks.rows import Task


@dataclass(frozen=True, slots=True)
class Simple:
    """What a control says of one table.

    Attributes:
        fold_error: geometric mean over the standard folds.
        asked: (m, T) predictions of the held-out rows, on the scale.
    """

    fold_error: float
    asked: np.ndarray


@dataclass(slots=True)
class Table:
    """One stored search with the held-out truth.

    Attributes:
        evidence: on every law, then on the refits.
        among: places of the laws that may vote: on the folds, and not running off.
        variants: places of the refits that may be chosen.
        z: (m, T) truth on the scale.
        errors: of every law.
        controls: by name.
    """

    name: str
    source: str
    ground: Ground
    evidence: list[Evidence]
    among: list[int]
    variants: list[int]
    z: np.ndarray
    errors: np.ndarray
    controls: dict[str, Simple]

    def error(self, z: np.ndarray) -> float:
        return scale_error(self.z, z, self.ground.asked_group)


def tables(roots: list[Path], origin: Origin) -> list[Table]:
    """Every run with evidence, one a task: of the first folder that has one."""
    found: dict[str, Table] = {}
    for root in roots:
        for folder in all_runs(root):
            if (folder.path / FILE).exists():
                with folder.journal(read_only=True) as journal:
                    name = journal.meta()["task"]
                if name not in found:
                    found[name] = read_table(folder, name, origin)
    return [found[name] for name in sorted(found)]


def read_table(folder: RunFolder, name: str, origin: Origin) -> Table:
    task, heldout, source = origin.problem(name)
    ground = Ground.of(task)
    evidence = read_evidence(folder.path / FILE, task.provenance.train_hash)
    z = ground.scale.to(heldout.y)
    return Table(
        name,
        source,
        ground,
        evidence,
        voting(evidence, ground),
        [i for i, e in enumerate(evidence) if is_refit(e) and not away(e, ground)],
        z,
        np.array([scale_error(z, e.asked, heldout.group) for e in evidence if is_searched(e)]),
        controls_of(folder, task, ground),
    )


def controls_of(folder: RunFolder, task: Task, ground: Ground) -> dict[str, Simple]:
    """Every control on the folds and at the held-out rows, kept beside the evidence."""
    path = folder.path / "controls.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        return {name: Simple(c["fold_error"], np.array(c["asked"])) for name, c in known.items()}
    found = {
        name: Simple(
            control_error(ground, name),
            control(task.spec, task.train, ground.scale, ground.asked, ground.asked_group),
        )
        for name, control in CONTROLS.items()
    }
    kept = {name: {"fold_error": c.fold_error, "asked": c.asked.tolist()} for name, c in found.items()}
    write_atomically(path, json.dumps(kept))
    return found


def voting(evidence: list[Evidence], ground: Ground) -> list[int]:
    """Laws with every fold that don't run off; those with every fold where all do. No refits, no lightened law."""
    full = [
        i
        for i, e in enumerate(evidence)
        if is_searched(e) and all(f.name in e.folds for f in ground.standard)
    ]
    tame = [i for i in full if not away(evidence[i], ground)]
    return tame or full


def is_searched(e: Evidence) -> bool:
    """Whether it is a law of the search itself: no refit, not lightened, no control."""
    return re.fullmatch(r"c\d+", e.id) is not None


def is_refit(e: Evidence) -> bool:
    return re.match(r"c\d", e.id) is not None and "e" in e.id and "l" not in e.id


def is_light(e: Evidence) -> bool:
    """Whether it is the chosen law without what its evidence can't tell."""
    return re.match(r"c\d", e.id) is not None and "l" in e.id


def away(e: Evidence, ground: Ground) -> bool:
    return bool(runs_off(ground.train, ground.scale.back(e.probes), ground.probe_group))


def chosen(evidence: list[Evidence], ground: Ground) -> tuple[int, Band]:
    """Place of the law that the shipped rule takes, and the forecast it is near to."""
    weights = shipped()
    among = voting(evidence, ground)
    panel = seat(evidence, ground, among, weights)
    band = cast_asked(panel, ground, evidence, weights)
    variants = [i for i, e in enumerate(evidence) if is_refit(e) and not away(e, ground)]
    return law_order(evidence, ground, [*among, *variants], band, weights)[0], band

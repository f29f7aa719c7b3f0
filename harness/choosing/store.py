"""Evidence in a file beside the journal: rules are applied again to stored searches in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from harness.choosing.evidence import Evidence
from harness.errors import BadRun
from tables.documents import read_json

FILE = "evidence.npz"
VERSION = 1
WHOLE = ("train", "probes", "asked")


def write_evidence(path: Path, evidence: list[Evidence], train_hash: str) -> None:
    """Write all evidence of a run, complete or not at all."""
    about = {
        "version": VERSION,
        "train_hash": train_hash,
        "laws": [[e.id, e.n_constants, e.size, list(e.folds), list(e.broken)] for e in evidence],
    }
    arrays = {"about": np.array(json.dumps(about))}
    for part in WHOLE:
        if evidence:
            arrays[part] = np.stack([getattr(e, part) for e in evidence])
    for i, e in enumerate(evidence):
        for k, z in enumerate(e.folds.values()):
            arrays[f"fold {i} {k}"] = z
    half = path.with_suffix(".half.npz")
    with half.open("wb") as out:
        np.savez_compressed(out, allow_pickle=False, **arrays)
    half.replace(path)


def read_evidence(path: Path, train_hash: str) -> list[Evidence]:
    """What `write_evidence` wrote.

    Raises:
        BadRun: unreadable, of another version, or of other rows.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = dict(found)
            about = read_json(str(arrays["about"]))
    except (OSError, ValueError, KeyError) as error:
        raise BadRun(f"{path}: can't be read as evidence ({error}); delete it to gather it again") from error
    if about.get("version") != VERSION or about.get("train_hash") != train_hash:
        raise BadRun(f"{path}: evidence of other rows or another version; delete it to gather it again")
    return [
        Evidence(
            id=law[0],
            n_constants=law[1],
            size=law[2],
            folds={name: arrays[f"fold {i} {k}"] for k, name in enumerate(law[3])},
            **{part: arrays[part][i] for part in WHOLE},
            broken=tuple(law[4]) if len(law) > 4 else (),
        )
        for i, law in enumerate(about["laws"])
    ]

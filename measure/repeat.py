"""One row measured again, alone, and set beside what was written down."""

from __future__ import annotations

from pathlib import Path

from measure.errors import BadRequest
from measure.noise import noise_sd
from measure.store import Store, run_of
from measure.tokens import corpus
from measure.train import train_family, versions

ALLOWED = 3.0
"""Standard deviations of the noise by which a repeated row may differ."""


def repeat(store: Store, cache: Path, row_id: str) -> int:
    """Print both losses; 0 when they agree within the noise of their experiment, else 1.

    Raises:
        BadRequest: no such row, or the row's settings are not those of its id.
    """
    rows = store.read()
    if row_id not in rows:
        raise BadRequest(
            f"{store.runs}: no row {row_id!r}; `harness measure status` counts them, column id names them"
        )
    kept, run = rows[row_id], run_of(rows[row_id])
    if run.id != row_id:
        raise BadRequest(
            f"{store.runs}: row {row_id!r} holds settings of {run.id!r}; the file was changed by hand"
        )
    (again,) = train_family([run], corpus(run.vocabulary, cache))
    same = [(run_of(r), float(r["loss"])) for r in rows.values() if r["experiment"] == run.experiment]
    sd, free = noise_sd(same)
    difference = again["loss"] - float(kept["loss"])
    print(f"kept  loss {float(kept['loss']):.6f}  ({kept['versions']}; text {kept['text'][:12]})")
    print(f"again loss {again['loss']:.6f}  ({versions()}; text {again['text'][:12]})")
    if free:
        verdict = abs(difference) <= ALLOWED * sd
        print(
            f"difference {difference:+.2e}, which is {abs(difference) / sd:.2f} of the noise over seeds, {sd:.4f} "
            f"({free} degrees of freedom): {'within' if verdict else 'beyond'} {ALLOWED:g}"
        )
        return 0 if verdict else 1
    print(f"difference {difference:+.2e}; no row of {run.experiment} was repeated with another seed yet")
    return 0 if abs(difference) < 1e-4 else 1

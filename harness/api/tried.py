"""Every candidate of a run as a data frame."""

from __future__ import annotations

import pandas as pd

from evaluator import Failed
from harness.proposers.formula.naming import readable
from harness.record.run_folder import RunFolder
from harness.search.selection import validation_error

COLUMNS = (
    "candidate", "law", "status", "validation_error", "n_constants", "generation", "parent", "proposer", "edit",
)  # fmt: skip


def tried(folder: RunFolder, features: tuple[str, ...]) -> pd.DataFrame:
    """Candidates in the order of asking: law, error on validation folds, lineage.

    Args:
        features: identifiers of the columns, as laws spell them.
    """
    rows = []
    with folder.journal(read_only=True) as journal:
        for c, outcome in journal.evaluations():
            law, d = readable(c.law, features).text, c.draft
            came = (
                (outcome.failure.value, float("nan"), None)
                if isinstance(outcome, Failed)
                else ("scored", validation_error(outcome), outcome.n_constants)
            )
            rows.append((c.id, law, *came, c.generation, c.parent, c.proposer, d.edit))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"n_constants": "Int64"}).set_index("candidate")

"""Where the rows of a stored search come from, with its held-out rows in the open.

Only what is no benchmark can be opened here: tables of a corpus, rows of a published law, and the outer part of training
rows. Held-out rows of the benchmark stay sealed.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks import load, names
from tasks.corpus import corpus_source, load_corpus, read_rows
from tasks.nested import nested, nested_rows
from tasks.rows import Rows, Task
from tasks.simulated import load_simulated, simulated_names, simulated_rows

ONE_SOURCE = {"felipemaiapolo/statistical-scaling-law": "ryoungj/ObsScaling"}
"""Repositories that cover the same public models count as one source."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows are read from.

    Attributes:
        data_dir: the corpus, or the benchmark's folder for its training rows; None: by the usual variables.
        nested: the outer share of the training rows that was hidden in place of held-out rows; None where none was.
    """

    data_dir: str | None = None
    nested: float | None = None

    def problem(self, name: str) -> tuple[Task, Rows, str]:
        """The task of a search, its held-out rows, and the source that it counts to."""
        if name in simulated_names():
            task, heldout, source = load_simulated(name), simulated_rows(name)[1], name
        elif name in names():
            task, heldout, source = load(name, data_dir=self.data_dir), None, name
        else:
            task, heldout = load_corpus(name, self.data_dir), read_rows(name, self.data_dir)[1]
            source = corpus_source(name, self.data_dir)
        if self.nested is not None:
            heldout = nested_rows(task, self.nested)[1]
            task = nested(task, self.nested)
        if heldout is None:
            raise SystemExit(
                f"error: {name}: its held-out rows stay sealed; give --nested with the share that the search hid"
            )
        return task, heldout, ONE_SOURCE.get(source, source)

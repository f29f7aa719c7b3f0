"""Our own measurements as tasks: the source `nano`.

`runs.csv` holds every training run that was measured, `curves.csv` the points of its curve; `harness measure`
writes both (docs/measure.md is their data card). A task takes the rows of its experiment, under the columns of the
benchmark's task that it mirrors, and holds out the largest scale as the benchmark does.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.errors import BadTable, DataUnavailable
from tasks.rows import Rows, Sealed, Task
from tasks.spec import Provenance, TaskSpec
from tasks.tables import ONE_GROUP, check_pair

FOLDER = Path(__file__).resolve().parent
RUNS = FOLDER / "runs.csv"
CURVES = FOLDER / "curves.csv"
SOURCE = "nano"
"""What `--source` takes for these rows."""
NOTE = (
    "These rows are our own measurements of very small models (docs/measure.md), not the benchmark's: scores on them "
    "compare with no published score."
)
PLANE_COLUMNS = {"N": "active_parameters", "D": "tokens", "L": "loss", "C": "flops"}
"""The plane's columns under the letters of a Chinchilla law."""
KINDS = ("code", "docs", "headers", "dictionary", "prose")
LEAST = 8
"""Rows in train and held-out from which an experiment counts as measured."""
Columns = dict[str, np.ndarray]
"""Name -> (n,) values: text as it stands in the file, or numbers."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """How an experiment becomes a task.

    Attributes:
        experiment: in `runs.csv`.
        table: rows of the experiment -> the task's columns.
        heldout: the task's columns -> which rows are held out.
        rule: the same in words.
    """

    experiment: str
    table: Callable[[Columns], Columns]
    heldout: Callable[[Columns], np.ndarray]
    rule: str


def _named(**names: str) -> Callable[[Columns], Columns]:
    """The columns of a task out of those of the runs; one group."""

    def table(runs: Columns) -> Columns:
        found = {new: runs[old].astype(float) for new, old in names.items()}
        return {**found, "group": np.full(len(runs["id"]), ONE_GROUP)}

    return table


def _top(table: Columns, name: str) -> np.ndarray:
    return np.asarray(table[name] == table[name].max())


def _mixture(runs: Columns) -> Columns:
    shares = np.array([text.split(" ") for text in runs["mixture"]], dtype=float)
    found = {f"proportion_domain_{i + 1}": shares[:, i] for i in range(len(KINDS))}
    found |= {f"loss_domain_{i + 1}": runs[f"loss_{kind}"].astype(float) for i, kind in enumerate(KINDS)}
    return {**found, "group": np.array([f"width {w}" for w in runs["width"]])}


def _every_fourth_mixed(table: Columns) -> np.ndarray:
    """Every fourth mixture in order of its shares, of those that are neither pure nor nearly equal."""
    columns = [table[f"proportion_domain_{i + 1}"] for i in range(len(KINDS))]
    shares = [tuple(row) for row in np.column_stack(columns).tolist()]
    mixed = sorted({s for s in shares if 0.22 < max(s) < 1})
    return np.array([s in mixed[3::4] for s in shares])


def _tuned(runs: Columns) -> Columns:
    loss = [float(runs[f"loss_{kind}"][i]) for i, kind in enumerate(runs["tune_kind"])]
    group = [f"width {w}, {kind}" for w, kind in zip(runs["width"], runs["tune_kind"], strict=True)]
    size = runs["tune_examples"].astype(float)
    return {"group": np.array(group), "sft_data_size": size, "sft_loss": np.array(loss)}


MIRRORS = {
    "finetune_vocab": Mirror(
        "vocab",
        _named(
            non_vocab_parameters="non_embedding_parameters",
            vocab_size="vocabulary",
            num_characters="characters",
            unigram_normalized_loss="unigram_normalized_loss",
        ),
        lambda f: _top(f, "vocab_size"),
        "held-out: the largest vocabulary",
    ),
    "data_constrained": Mirror(
        "data_constrained",
        _named(unique_tokens="unique_tokens", params="parameters", tokens="tokens", loss="loss"),
        lambda f: _top(f, "tokens") | _top(f, "params"),
        "held-out: the most tokens, and the most parameters",
    ),
    "lr_bsz": Mirror(
        "lr_bsz",
        _named(
            lr="lr",
            bsz="batch",
            data_size="tokens",
            non_embedding_param_size="non_embedding_parameters",
            lm_loss="loss",
        ),
        lambda f: _top(f, "data_size") & _top(f, "non_embedding_param_size"),
        "held-out: the largest model with the most data",
    ),
    "domain_mixture": Mirror(
        "domain_mixture",
        _mixture,
        _every_fourth_mixed,
        "held-out: every fourth mixture in order of shares; pure and equal ones are all in train",
    ),
    "sft": Mirror("sft", _tuned, lambda f: _top(f, "sft_data_size"), "held-out: the most examples"),
    "moe": Mirror(
        "moe",
        _named(num_experts="experts", dense_parameter_count="dense_parameters", loss_validation="loss"),
        lambda f: _top(f, "dense_parameter_count"),
        "held-out: the largest dense model",
    ),
}
"""Task -> the experiment that mirrors it."""


def runs(experiment: str | None = None, path: Path = RUNS) -> Columns:
    """Measured runs, of one experiment or all, as text; no rows where there is no file."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if experiment in (None, row["experiment"])]
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def load_nano(spec: TaskSpec, path: Path = RUNS) -> Task:
    """A task on our own measurements.

    Raises:
        DataUnavailable: nothing of the kind was measured, or not yet enough.
    """
    mirror = MIRRORS.get(spec.name)
    if mirror is None:
        raise DataUnavailable(f"task {spec.name!r}: not measured; nano has {', '.join(MIRRORS)}")
    found = runs(mirror.experiment, path)
    n = len(found.get("id", ()))
    table = mirror.table(found) if n else {}
    out = mirror.heldout(table) if n else np.zeros(0, dtype=bool)
    if min(out.sum(), (~out).sum()) < LEAST:
        raise DataUnavailable(
            f"task {spec.name!r}: {n} rows measured so far, too few; harness measure run {mirror.experiment} goes on"
        )
    where = str(path)
    spec = dataclasses.replace(
        spec, split_rule=mirror.rule, paper="our own measurements, docs/measure.md", published=()
    )
    rows = _rows(table, spec, where)
    train = rows.take(~out)
    heldout = rows.take(out & np.isin(rows.group, train.groups()))
    check_pair(spec, train, heldout, where)
    provenance = Provenance(
        SOURCE, "measured by this project", train.digest(), heldout.digest(), note=NOTE, official=False
    )
    return Task(spec, train, Sealed(heldout), provenance)


def _rows(table: Columns, spec: TaskSpec, where: str) -> Rows:
    X = np.column_stack([table[name] for name in spec.feature_names])
    y = np.column_stack([table[name] for name in spec.target_names])
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise BadTable(
            f"{where}: task {spec.name!r}: expected finite numbers in every row; measure those rows again"
        )
    return Rows(np.ascontiguousarray(X), np.ascontiguousarray(y), table["group"])

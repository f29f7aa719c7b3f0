"""Which column is the step, the loss, the learning rate: exact names asked for first, then the names that trainers use."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from tables.errors import Ambiguous, BadTable
from tables.names import hint, printable
from tables.table import Table

STEP = ("step", "_step", "global_step", "train/global_step", "trainer/global_step", "global step", "train/step", "iteration",
        "iter", "num_updates", "update", "updates", "batch", "steps", "n_iter", "training step", "epoch", "train/epoch")  # fmt: skip
VALIDATION = ("val_loss", "validation_loss", "eval_loss", "valid_loss", "val/loss", "eval/loss", "validation/loss", "valid/loss",
              "validation loss", "val loss", "test_loss", "test/loss", "val_loss_epoch", "loss/val", "loss/eval", "eval/crossentropyloss",
              "metrics/eval/languagecrossentropy", "lm loss validation")  # fmt: skip
TRAINING = ("loss", "train_loss", "train/loss", "training_loss", "lm loss", "lm_loss", "total_loss", "reduced_train_loss",
            "train/crossentropyloss", "train/ce loss", "loss/train/total", "loss/train", "train_loss_step", "train_loss_epoch",
            "train loss", "training loss", "train/total_loss", "lm loss value", "cross_entropy_loss", "train/ce_loss")  # fmt: skip
LOSS = (*VALIDATION, *TRAINING)
TOKENS = ("tokens", "total_tokens", "tokens_seen", "num_input_tokens_seen", "train/num_input_tokens_seen", "consumed tokens",
          "consumed_tokens", "throughput/total_tokens", "time/token", "n_tokens", "train/tokens")  # fmt: skip
TIME = ("_timestamp", "timestamp", "wall_time", "wall time", "_runtime", "time", "elapsed", "relative time (process)",
        "relative time (wall)", "train_time")  # fmt: skip
LR = ("lr", "learning_rate", "learning rate", "train/learning_rate", "train/lr", "lr-adamw", "lr-adam", "lr-decoupledadamw/group0",
      "optim/learning_rate_group0", "optim/lr", "learning_rates", "param_group0/lr")  # fmt: skip
FINAL = (
    "final_step",
    "total_steps",
    "max_steps",
    "train/max_steps",
    "num_training_steps",
    "max_iters",
    "total_iterations",
)
NAMES = {"step": STEP, "loss": LOSS, "tokens": TOKENS, "time": TIME, "lr": LR}
BOUND = re.compile(r"__(MIN|MAX)$")
RISING = re.compile(
    r"(?i)(^|[/_ .-])(acc|accuracy|f1|bleu|rouge\w*|auc|auroc|reward|score|mcc|em|exact_match|pass@?\d*|precision|recall|r2|win_?rate|top\d)([/_ .-]|$)"
)
FEW = 5
"""Fewer values than this of a validation loss give way to a training loss that has more."""


def plain(name: str) -> str:
    """A name in the form of the lists above."""
    return name.strip().lower().replace(".", "/")


def pick(table: Table, key: str, asked: str | None, needed: bool = True) -> str | None:
    """The column of one quantity but the loss; a name that was asked for is taken as it stands, in any case of letters if need be.

    Raises:
        BadTable: there is none, with what was looked for.
    """
    have = [n for n in table.names if not BOUND.search(n)]
    if asked is not None:
        folded = {n.lower(): n for n in reversed(have)}
        found = asked if asked in have else folded.get(asked.strip().lower())
        if found is None:
            raise BadTable(f"{table.source}: no column {asked!r} for the {key}; {hint(asked, have)}")
        return found
    forms = {plain(n): n for n in reversed(have)}
    for name in NAMES[key]:
        if name in forms and _has_numbers(table, forms[name]):
            return forms[name]
    if not needed:
        return None
    shown = ", ".join(printable(n) for n in have[:12]) + (", ..." if len(have) > 12 else "")
    times = [n for n in have if plain(n) in TIME]
    if key == "step" and times:
        raise BadTable(
            f"{table.source}: no step column: the x axis is time; give --step {times[0]!r} and --final-step in its units, or export "
            f"the history over steps; the file has {shown}"
        )
    some = ", ".join(NAMES[key][:7])
    raise BadTable(
        f"{table.source}: no {key} column (looked for {some}, ...); give --{key}; the file has {shown}"
    )


def _has_numbers(table: Table, name: str) -> bool:
    return bool(np.isfinite(numbers(table, name)).any())


def pick_loss(table: Table, asked: str | None, notes: list[str]) -> str:
    """The loss: the one asked for, else a validation loss with rows enough, else a training loss. What was read is told.

    Raises:
        BadTable: none, or several that no rule tells apart.
    """
    if asked is not None:
        return str(pick(table, "loss", asked))
    have = [n for n in table.names if not BOUND.search(n)]
    forms = {plain(n): n for n in reversed(have)}
    known = [forms[n] for n in LOSS if n in forms]
    like = [
        n
        for n in have
        if "loss" in n.lower() and n.lower() not in ("loss scale", "loss_scale") and n not in known
    ]
    values = {n: int(np.isfinite(numbers(table, n)).sum()) for n in known}
    present = [n for n in known if values[n]] or [
        n for n in known if any(c is not None for c in table.columns[n].cells())
    ]
    if not present:
        return _other(table, [n for n in like if _has_numbers(table, n)], forms, known)
    best = present[0]
    fuller = next((n for n in present if values[n] > max(FEW, 3 * values[best])), None)
    if values[best] < FEW and fuller is not None:
        notes.append(f"{best} has {values[best]} values: {fuller} was read, which has {values[fuller]}")
        best = fuller
    empty = [n for n in known if n not in present and n != best]
    if empty and known.index(empty[0]) < known.index(best):
        notes.append(f"{', '.join(empty)} has no values: {best} was read")
    others = [n for n in (*present, *like) if n != best]
    shown = ", ".join(printable(n) for n in others[:6]) + (", ..." if len(others) > 6 else "")
    notes.append(f"the loss is the column {best}" + (f"; others, for --loss: {shown}" if others else ""))
    return best


def _other(table: Table, like: list[str], forms: dict[str, str], known: list[str]) -> str:
    if len(like) == 1:
        return like[0]
    if like:
        raise BadTable(
            f"{table.source}: several losses; choose one with --loss: {', '.join(map(printable, like))}"
        )
    if "value" in forms and len(forms) <= 4:
        return forms["value"]
    if known:
        return known[0]
    shown = ", ".join(printable(n) for n in table.names[:12]) + (", ..." if len(table.names) > 12 else "")
    raise BadTable(
        f"{table.source}: no loss column (looked for {', '.join(VALIDATION[:4])}, {', '.join(TRAINING[:4])}, ...); give --loss; the "
        f"file has {shown}"
    )


def numbers(table: Table, name: str) -> np.ndarray:
    """(n,) numbers, or dates as seconds since 1970; NaN where a cell is missing or a word.

    Raises:
        Ambiguous: two readings.
    """
    found = table.understood(name)
    if len(found.bad) > len(table) / 2:
        texts = pd.Series(table.labels(name), dtype=object)
        try:
            dates = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
            if dates.notna().any():
                return np.asarray((dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds(), dtype=float)
        except ValueError:  # a year that nanoseconds can't hold is not coerced
            pass
    return found.values


def rises(name: str) -> bool:
    """Whether a metric of this name is better the higher it is."""
    return bool(RISING.search(name)) and "loss" not in name.lower()


__all__ = ["FINAL", "LOSS", "NAMES", "Ambiguous", "numbers", "pick", "pick_loss", "plain", "rises"]

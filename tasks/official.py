"""What the rows of the benchmark are, pinned: every source is checked against this one table.

The pins are digests of content (`Rows.digest()`: shapes, float64 values, group labels and row order, in the
column order of the task), not of files. A mirror may store the rows as CSV or Parquet, with other
compression or other columns beside them: the same rows have the same digest, and any other value,
label or order has another.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.rows import Rows

DATASET = "pkuHaowei/sldbench"
"""Repository of the benchmark's rows on the Hugging Face hub; one config a task."""

REVISION = "main"
"""Branch or commit that is asked for. No commit hash of the hub is known to us, and none is needed to be
safe: rows that differ from the digests below are refused, wherever they came from."""


@dataclass(frozen=True, slots=True)
class Pin:
    """Counts and digests of one config.

    Attributes:
        n_train, n_heldout: rows.
        train, heldout: `Rows.digest()` of the rows in the official order.
    """

    n_train: int
    n_heldout: int
    train: str
    heldout: str

    def matches(self, train: Rows, heldout: Rows) -> bool:
        """Whether both sets are the official ones, in the official order."""
        return (train.digest(), heldout.digest()) == (self.train, self.heldout)


PINS = {
    "parallel_scaling_law": Pin(36, 12, "07619afd9151ac82", "b488ec2b9f22916a"),
    "vocab_scaling_law": Pin(1080, 120, "0ef311eec082942b", "a396d3282e62ceae"),
    "sft_scaling_law": Pin(504, 42, "017f9bcfdd27599a", "ae0d1b21fedc50ae"),
    "domain_mixture_scaling_law": Pin(80, 24, "2590daeae5d48111", "546212a634877bef"),
    "moe_scaling_law": Pin(193, 28, "1446a10c94b48a2f", "5b218d46455c1656"),
    "data_constrained_scaling_law": Pin(161, 21, "180345469ecd2db4", "c76b363322e0d472"),
    "lr_bsz_scaling_law": Pin(2702, 117, "4ec0c63ba43def81", "497cb7e4ac8ea553"),
    "easy_question_scaling_law": Pin(389, 127, "96b06b032d29f1ba", "f89877ff517e1bea"),
}
"""Official config name -> pin."""


def is_official(config: str, train: Rows, heldout: Rows) -> bool:
    """Whether rows are those pinned for a config; False where nothing is pinned."""
    pin = PINS.get(config)
    return pin is not None and pin.matches(train, heldout)

"""What a task asks: its columns, its budget, and the axis it extrapolates in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tasks.axis import parse_axis
from tasks.errors import BadSpec


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: header in the data file.
        unit: physical unit ("tokens", "parameters", "nats per token", "1" for none).
        meaning: one line for a reader.
    """

    name: str
    unit: str = "1"
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """A held-out R2 that another system reported; shown as a reference row, never ranked as ours.

    Attributes:
        system: name of the system.
        r2: held-out R2, clipped to [-1, 1] as the benchmark does.
        source: citation.
        note: how it was obtained, where that matters ("five of ten runs kept").
    """

    system: str
    r2: float
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A question: predict these targets from these features, beyond the training range.

    Attributes:
        name: short name used on the command line.
        title: one line for people.
        features: columns a program sees, in the order of `data_points`.
        targets: columns a program predicts.
        group: column that splits rows into groups fitted one by one, or None for a single group.
        constants_budget: most constants a program may return per group (all targets together);
            None when the benchmark sets no limit.
        group_budgets: (group, most constants) pairs, where a group has a budget of its own.
        extrapolate: features along which held-out rows lie beyond the training rows. Empty when
            the held-out rows are beyond the range in no single feature; rows are then dealt into
            folds at random.
        corner: with several axes, True when held-out rows are beyond in all of them together
            (the corner), False when one is enough.
        split_rule: one sentence on how the held-out rows were chosen.
        aliases: other names, among them the benchmark's official one.
        official_name: the benchmark's config name, or "" for a user's own task.
        paper: citation of the study the rows come from.
        published: reference scores of other systems.
        lower_is_better: whether the targets are losses.
        falls_with: features that the field knows the targets to fall with (never rise), all else
            equal: a declared prior, which rules out laws that rise with them beyond the rows.
        rises_with: the same the other way round, for scores.
        paired: one feature for each target, where every target has a feature of its own (the loss
            on a domain and the share of that domain); empty otherwise.
        reach: (feature, factor) pairs: one will predict at so many times the largest training value of each group.
            Where it is declared, laws are chosen for that region. It says nothing of any target.
    """

    name: str
    title: str
    features: tuple[Column, ...]
    targets: tuple[Column, ...]
    group: str | None = "group"
    constants_budget: int | None = None
    extrapolate: tuple[str, ...] = ()
    corner: bool = False
    split_rule: str = ""
    aliases: tuple[str, ...] = ()
    official_name: str = ""
    paper: str = ""
    published: tuple[PublishedScore, ...] = ()
    lower_is_better: bool = True
    falls_with: tuple[str, ...] = ()
    rises_with: tuple[str, ...] = ()
    paired: tuple[str, ...] = ()
    reach: tuple[tuple[str, float], ...] = ()
    group_budgets: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.features or not self.targets:
            raise BadSpec(f"task {self.name!r}: expected at least one feature and one target")
        names = [c.name for c in (*self.features, *self.targets)]
        if self.group is not None:
            names.append(self.group)
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise BadSpec(f"task {self.name!r}: column {repeated[0]!r} is used more than once")
        for axis in self.extrapolate:
            try:
                parse_axis(axis, self.feature_names)
            except BadSpec as error:
                raise BadSpec(f"task {self.name!r}: {error}") from None
        strange = [
            a for a in (*self.falls_with, *self.rises_with, *self.paired) if a not in self.feature_names
        ]
        if strange:
            raise BadSpec(
                f"task {self.name!r}: {strange[0]!r} under falls_with, rises_with or paired is not a feature; "
                f"features are {', '.join(self.feature_names)}"
            )
        for feature, factor in self.reach:
            if feature not in self.feature_names:
                raise BadSpec(
                    f"task {self.name!r}: {feature!r} under reach is not a feature; "
                    f"features are {', '.join(self.feature_names)}"
                )
            if not 0 < factor < math.inf:
                raise BadSpec(
                    f"task {self.name!r}: reach: {feature}: expected a factor > 0 of the largest training value, got {factor!r}"
                )
        if self.group_budgets and self.group is None:
            raise BadSpec(f"task {self.name!r}: budgets of groups, and no column of groups")
        both = [a for a in self.falls_with if a in self.rises_with]
        if both:
            raise BadSpec(f"task {self.name!r}: {both[0]!r} is under falls_with and rises_with; keep one")
        if self.paired and len(self.paired) != len(self.targets):
            raise BadSpec(
                f"task {self.name!r}: paired names {len(self.paired)} features for {len(self.targets)} targets; "
                f"give one for each target, in their order"
            )

    def budget_of(self, group: str) -> int | None:
        """Most constants that a program may return for a group; None without a limit."""
        return dict(self.group_budgets).get(group, self.constants_budget)

    @property
    def least_budget(self) -> int | None:
        """Most constants that fit every group's budget: what a law with as many in each group may have."""
        limits = [n for _, n in self.group_budgets]
        return min(
            [*limits, *([] if self.constants_budget is None else [self.constants_budget])], default=None
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.features)

    @property
    def axis_features(self) -> tuple[str, ...]:
        """Features that stand in some axis, in the order of the axes; an axis may be a product of features."""
        places = (i for axis in self.extrapolate for i, _ in parse_axis(axis, self.feature_names))
        return tuple(dict.fromkeys(self.feature_names[i] for i in places))

    @property
    def target_names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.targets)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the rows of a loaded task came from.

    Attributes:
        kind: "folder", "cache", "hub", "user" or "nano".
        where: path or address, for people.
        train_hash: SHA-256 (first 16 hex digits) of the canonical training rows.
        heldout_hash: the same of the held-out rows; stays out of a search's journal.
        simulated: True when the rows are simulated; every screen and row must say so.
        note: plain words on what a reader must know (why simulated, which law).
        official: whether the rows are the benchmark's own, by their pinned digests; None where there
            is nothing to compare with. Published scores compare with official rows alone.
    """

    kind: str
    where: str
    train_hash: str
    heldout_hash: str
    simulated: bool = False
    note: str = field(default="")
    official: bool | None = None

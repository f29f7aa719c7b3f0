"""Specs of user tasks as YAML; every wrong key is named by its path."""

from __future__ import annotations

import difflib
from typing import Any

import yaml

from tasks.errors import BadSpec
from tasks.spec import Column, TaskSpec

KEYS = (
    "name",
    "title",
    "features",
    "targets",
    "group",
    "constants_budget",
    "group_budgets",
    "extrapolate",
    "corner",
    "split_rule",
    "lower_is_better",
    "falls_with",
    "rises_with",
    "paired",
    "reach",
    "paper",
    "source",
)
REQUIRED = ("name", "features", "targets")
COLUMN_KEYS = ("name", "unit", "meaning")


def spec_text(spec: TaskSpec, made_from: str, sha256: str) -> str:
    """YAML of a spec that `spec_from` reads back to an equal one.

    Args:
        made_from: name of the table, without its folder.
        sha256: of the table, in hex.
    """
    tree = {
        "name": spec.name,
        "title": spec.title,
        "features": [_column_tree(c) for c in spec.features],
        "targets": [_column_tree(c) for c in spec.targets],
        "group": spec.group,
        "constants_budget": spec.constants_budget,
        "group_budgets": dict(spec.group_budgets),
        "extrapolate": list(spec.extrapolate),
        "corner": spec.corner,
        "split_rule": spec.split_rule,
        "lower_is_better": spec.lower_is_better,
        "falls_with": list(spec.falls_with),
        "rises_with": list(spec.rises_with),
        "paired": list(spec.paired),
        "reach": dict(spec.reach),
        "paper": spec.paper,
        "source": {"name": made_from, "sha256": sha256},
    }
    head = "# Made by `harness tasks add` from a table. Units, meanings, title and budget can be edited.\n"
    return head + yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)


def _column_tree(column: Column) -> dict[str, str]:
    return {"name": column.name, "unit": column.unit, "meaning": column.meaning}


def spec_from(tree: Any, where: str) -> TaskSpec:
    """A spec from parsed YAML.

    Args:
        tree: what the YAML says.
        where: its file, for messages.

    Raises:
        BadSpec: a key is unknown, missing or of the wrong type, or the spec contradicts itself.
    """
    _mapping(tree, KEYS, REQUIRED, where, "")
    budget = tree.get("constants_budget")
    if budget is not None:
        _count(budget, f"{where}: constants_budget", " or null")
    group = tree.get("group")
    try:
        return TaskSpec(
            name=_text(tree, "name", where),
            title=_text(tree, "title", where, "") or tree["name"],
            features=_columns(tree, "features", where),
            targets=_columns(tree, "targets", where),
            group=None if group is None else _text(tree, "group", where),
            constants_budget=budget,
            group_budgets=_budgets(tree, where),
            extrapolate=_texts(tree, "extrapolate", where),
            corner=_flag(tree, "corner", where, False),
            split_rule=_text(tree, "split_rule", where, ""),
            lower_is_better=_flag(tree, "lower_is_better", where, True),
            falls_with=_texts(tree, "falls_with", where),
            rises_with=_texts(tree, "rises_with", where),
            paired=_texts(tree, "paired", where),
            reach=_factors(tree, "reach", where),
            paper=_text(tree, "paper", where, ""),
        )
    except BadSpec as error:
        raise error if str(error).startswith(where) else BadSpec(f"{where}: {error}") from None


def _mapping(tree: Any, keys: tuple[str, ...], required: tuple[str, ...], where: str, path: str) -> None:
    at = f"{where}: {path}" if path else where
    if not isinstance(tree, dict):
        raise BadSpec(f"{at}: expected keys with values, got {type(tree).__name__}")
    for key in tree:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(keys)}"
            raise BadSpec(f"{at}{'.' if path else ': '}{key}: no such key; {hint}")
    for key in required:
        if key not in tree:
            raise BadSpec(f"{at}{'.' if path else ': '}{key}: expected this key, it is missing")


def _text(tree: dict[str, Any], key: str, where: str, default: str | None = None, path: str = "") -> str:
    value = tree.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise BadSpec(f"{where}: {path}{key}: expected text, got {value!r}; put numbers in quotes")
    return value


def _flag(tree: dict[str, Any], key: str, where: str, default: bool) -> bool:
    value = tree.get(key, default)
    if not isinstance(value, bool):
        raise BadSpec(f"{where}: {key}: expected true or false, got {value!r}")
    return value


def _texts(tree: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = tree.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise BadSpec(f"{where}: {key}: expected a list of column names, got {value!r}")
    return tuple(value)


def _factors(tree: dict[str, Any], key: str, where: str) -> tuple[tuple[str, float], ...]:
    value = tree.get(key) or {}
    if not isinstance(value, dict):
        raise BadSpec(f"{where}: {key}: expected features with factors, such as {{N: 4}}, got {value!r}")
    for name, factor in value.items():
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            raise BadSpec(f"{where}: {key}.{name}: expected a number, got {factor!r}")
    return tuple((str(name), float(factor)) for name, factor in value.items())


def _budgets(tree: dict[str, Any], where: str) -> tuple[tuple[str, int], ...]:
    value = tree.get("group_budgets") or {}
    if not isinstance(value, dict):
        raise BadSpec(
            f"{where}: group_budgets: expected groups with counts, such as {{small: 3}}, got {value!r}"
        )
    return tuple((str(g), _count(n, f"{where}: group_budgets.{g}")) for g, n in value.items())


def _count(value: Any, what: str, more: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadSpec(f"{what}: expected an integer >= 1{more}, got {value!r}")
    return value


def _columns(tree: dict[str, Any], key: str, where: str) -> tuple[Column, ...]:
    value = tree[key]
    if not isinstance(value, list) or not value:
        raise BadSpec(f"{where}: {key}: expected a list of columns, got {value!r}")
    columns = []
    for i, item in enumerate(value):
        path = f"{key}[{i}]"
        if isinstance(item, str):
            item = {"name": item}
        _mapping(item, COLUMN_KEYS, ("name",), where, path)
        texts = (
            _text(item, k, where, d, f"{path}.") for k, d in zip(COLUMN_KEYS, (None, "1", ""), strict=True)
        )
        columns.append(Column(*texts))
    return tuple(columns)

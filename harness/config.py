"""Configuration of a run: YAML read into values, with the path of whatever is wrong.

Command-line options are laid over the file, the file over the defaults.
"""

from __future__ import annotations

import difflib
import types
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from harness.errors import BadConfig
from harness.proposers.llm.settings import LlmConfig, check_address
from harness.proposers.names import OFFLINE, PROPOSERS
from harness.search.search import SearchSettings
from harness.shipped import shipped
from tables.documents import MOST_YAML, brief, read_document, read_yaml
from tables.errors import Unreadable


def _limits(low: float | None = None, choices: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"low": low, "choices": choices}


@dataclass(frozen=True, slots=True)
class EvolveConfig:
    """What is spent and by whom.

    Attributes:
        proposer: who makes candidates.
        evaluations: programs evaluated at most; null for no limit.
        minutes: wall time of searching at most; null for no limit.
        choose_minutes: wall time of looking at laws to choose from, at most; null for as long as the search may take,
            and one minute at least.
        workers: evaluations beside each other.
        seed: makes the run repeatable (exactly so with one worker).
        seed_programs: program files tried first, besides the task's own seeds.
        task_seeds: whether the programs under seeds/<task>/ are tried first.
    """

    proposer: str = field(default="formula", metadata=_limits(choices=PROPOSERS))
    evaluations: int | None = field(default=1000, metadata=_limits(1))
    minutes: float | None = field(default=4.0, metadata=_limits(0.001))
    choose_minutes: float | None = field(default=None, metadata=_limits(0.001))
    workers: int = field(default=2, metadata=_limits(1))
    seed: int = field(default=0, metadata=_limits(0))
    seed_programs: tuple[str, ...] = ()
    task_seeds: bool = True


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one call of a program may use.

    Attributes:
        fit_cpu_s: processor seconds of one fit call, of each group anew.
        predict_cpu_s: processor seconds of one predict call.
        memory_mb: memory of a child process.
        text_numbers, list_numbers: numeric literals in a program's text, and in one list of it, beyond which its
            scores are marked.
    """

    fit_cpu_s: int = field(default=30, metadata=_limits(1))
    predict_cpu_s: int = field(default=10, metadata=_limits(1))
    memory_mb: int = field(default=1024, metadata=_limits(64))
    text_numbers: int = field(default=200, metadata=_limits(0))
    list_numbers: int = field(default=50, metadata=_limits(0))


OLD_SEARCH_NAMES = {"pools": "islands", "islands": "sizes"}
SEARCH_LIMITS = {
    "islands": 1,
    "sizes": 1,
    "capacity": 1,
    "archive_share": 0,
    "best_share": 0,
    "random_share": 0,
}


@dataclass(frozen=True, slots=True)
class Config:
    """A reproducible run.

    Attributes:
        tasks: task names; "all" stands for the benchmark's eight.
        evolve, search, limits, llm: see their classes.
        data_dir: folder with the rows, or null for the chain of sources.
    """

    tasks: tuple[str, ...] = ("finetune_vocab",)
    evolve: EvolveConfig = field(default_factory=EvolveConfig)
    search: SearchSettings = field(default_factory=SearchSettings)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    llm: LlmConfig = field(default_factory=LlmConfig)
    data_dir: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as YAML and journals hold them; `llm` only where a model is asked."""
        values = _listed(asdict(self))
        if self.evolve.choose_minutes is None:
            values["evolve"].pop("choose_minutes")
        if self.evolve.proposer in OFFLINE:
            values.pop("llm")
        return values

    def replaced(self, **changes: Any) -> Config:
        """A copy with other values at the top level."""
        return replace(self, **changes)

    def with_options(self, section: str, **options: Any) -> Config:
        """Options that were given (not None) laid over a section."""
        given = {k: v for k, v in options.items() if v is not None}
        return replace(self, **{section: replace(getattr(self, section), **given)})


def load_config(path: Path) -> Config:
    """Read and check a YAML file.

    Raises:
        BadConfig: with file, path of the key, what was expected and what came.
    """
    try:
        text = read_document(path, MOST_YAML)
    except (OSError, Unreadable) as error:
        known = ", ".join(p.stem for p in named_configs())
        raise BadConfig(
            f"{path}: can't be read as a config ({error}); configs that come along: {known}"
        ) from error
    try:
        values = read_yaml(text)
    except Unreadable as error:
        raise BadConfig(f"{path}: {error}") from error
    return parse_config(values if values is not None else {}, str(path))


def find_config(name: str) -> Path:
    """A config by path, or by the bare name of one that comes along."""
    path = Path(name)
    if path.suffix or path.exists():
        return path
    for known in named_configs():
        if known.stem == name:
            return known
    near = difflib.get_close_matches(name, [p.stem for p in named_configs()], 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise BadConfig(
        f"no config {name!r}: expected a YAML file or one of {[p.stem for p in named_configs()]}.{hint}"
    )


def named_configs() -> list[Path]:
    return sorted(shipped("configs").glob("*.yaml"))


def parse_config(values: Any, where: str) -> Config:
    """Check plain values against the schema.

    Args:
        where: file name for messages.
    """
    if isinstance(values, dict) and "task" in values:
        values = dict(values)
        if "tasks" in values:
            raise BadConfig(f"{where}: task: give either task or tasks, not both")
        values["tasks"] = [values.pop("task")]
    config = _section(Config, values, where, "")
    if not config.tasks:
        raise BadConfig(f"{where}: tasks: expected at least one task name, got none")
    if config.evolve.evaluations is None and config.evolve.minutes is None:
        raise BadConfig(f"{where}: evolve: expected a limit on evaluations or minutes, both are null")
    for i, model in enumerate(config.llm.models):
        if model.base_url is not None:
            check_address(model.base_url, f"{where}: llm.models[{i}].base_url")
    return config


def _section(cls: type, values: Any, where: str, path: str) -> Any:
    if not isinstance(values, dict):
        raise BadConfig(f"{where}: {path or 'top level'}: expected keys and values, got {brief(values)}")
    if cls is SearchSettings and "pools" in values:  # the names in version 0.1, which stored runs still have
        values = {OLD_SEARCH_NAMES.get(key, key): value for key, value in values.items()}
    known = {f.name: f for f in fields(cls)}
    hints = get_type_hints(cls)
    given = {}
    for key, value in values.items():
        here = f"{path}.{key}" if path else str(key)
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
            raise BadConfig(f"{where}: {brief(here)[1:-1]}: unknown key; {hint}")
        meta = dict(known[key].metadata)
        if cls is SearchSettings:
            meta = _limits(SEARCH_LIMITS[key])
        given[key] = _value(hints[key], value, meta, where, here)
    for name, f in known.items():
        if name not in given and f.default is MISSING and f.default_factory is MISSING:
            raise BadConfig(f"{where}: {path}.{name}: expected a value, got none")
    return cls(**given)


def _value(kind: Any, value: Any, meta: dict[str, Any], where: str, path: str) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return _section(kind, value, where, path)
    options = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if value is None and type(None) in options:
        return None
    expected = next(o for o in options if o is not type(None))
    low = meta.get("low")
    bound = f" >= {low:g}" if low is not None else ""
    null = " or null" if type(None) in options else ""

    def wrong(what: str) -> BadConfig:
        return BadConfig(f"{where}: {path}: expected {what}{null}, got {brief(value)}")

    if expected is bool:
        if not isinstance(value, bool):
            raise wrong("true or false")
        return value
    if expected is int:
        if isinstance(value, bool) or not isinstance(value, int) or (low is not None and value < low):
            raise wrong(f"an integer{bound}")
        return value
    if expected is float:
        number = not isinstance(value, bool) and isinstance(value, int | float)
        if not number or value != value or (low is not None and value < low):
            raise wrong(f"a number{bound}")
        return float(value)
    if expected is str:
        choices = meta.get("choices") or ()
        if not isinstance(value, str) or (choices and value not in choices):
            raise wrong(f"one of {', '.join(choices)}" if choices else "text")
        return value
    if get_origin(expected) is dict:
        plain = (str, int, float, bool, type(None))
        if not isinstance(value, dict) or not all(
            isinstance(k, str) and isinstance(v, plain) for k, v in value.items()
        ):
            raise wrong("names with plain values")
        return dict(value)
    item = get_args(expected)[0]
    if isinstance(item, type) and is_dataclass(item):
        if not isinstance(value, list):
            raise wrong("a list")
        return tuple(_section(item, v, where, f"{path}[{i}]") for i, v in enumerate(value))
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
        raise wrong("a list of names")
    return tuple(items)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _listed(v) for k, v in value.items()}
    return [_listed(v) for v in value] if isinstance(value, tuple | list) else value

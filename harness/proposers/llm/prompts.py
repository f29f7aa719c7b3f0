"""Templates of prompts: plain text with {{places}}, ours or the user's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.errors import BadConfig

OURS = Path(__file__).resolve().parent / "templates"

_COMMON = {
    "title", "facts", "scale", "limit", "parent_id", "parent_error", "parent_constants", "took", "parent",
    "parent_errors", "patterns", "inspirations", "failures", "tried", "memo", "hint", "mended", "sections",
}  # fmt: skip
_MATE = {"mate_id", "mate_error", "mate_constants", "mate", "mate_errors"}
PLACES: dict[str, set[str]] = {
    "system": {"modules"},
    "common": _COMMON,
    "law": {"common", *_COMMON},
    "diff": {"common", *_COMMON},
    "full": {"common", *_COMMON},
    "cross": {"common", *_COMMON, *_MATE},
    "repair": {"reason", "detail"},
    "tools": {"calls"},
    "turn": {"call", "result", "left"},
    "memo": {"title", "facts", "best", "helped", "failures", "tried", "memo", "hint"},
}
"""Template -> the places it may have."""

_PLACE = re.compile(r"\{\{(\w+)\}\}")


class Templates:
    """The templates of a run, read once and checked.

    Args:
        folder: templates that replace ours, by the same file names; or None.

    Raises:
        BadConfig: no such folder, a template we don't know, or a place that no prompt fills.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.texts = {name: (OURS / f"{name}.md").read_text(encoding="utf-8") for name in PLACES}
        if folder is None:
            return
        place = Path(folder)
        if not place.is_dir():
            raise BadConfig(f"llm.prompts: expected a folder of templates, {place} is none")
        for path in sorted(place.glob("*.md")):
            if path.stem not in PLACES:
                raise BadConfig(f"{path}: no prompt of this name; templates are {', '.join(PLACES)}")
            try:
                self.texts[path.stem] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise BadConfig(f"{path}: can't be read as a template ({error})") from error
            unknown = sorted(set(_PLACE.findall(self.texts[path.stem])) - PLACES[path.stem])
            if unknown:
                known = ", ".join(sorted(PLACES[path.stem])) or "none"
                raise BadConfig(f"{path}: {{{{{unknown[0]}}}}} is filled by nothing; places here are {known}")

    def fill(self, name: str, values: Mapping[str, str]) -> str:
        """A prompt. What a value holds is not looked into again."""
        values = dict(values)
        if "{{common}}" in self.texts[name]:
            values["common"] = self._filled("common", values)
        return self._filled(name, values)

    def _filled(self, name: str, values: Mapping[str, str]) -> str:
        return _PLACE.sub(lambda match: values[match.group(1)], self.texts[name])

"""Any line that names a step and a loss: `Step 100/6000 | loss: 4.73 | lr: 3e-4`, `step=100 loss=4.73`, MaxText, nanotron, nanochat."""

import re

from tables.logs.pattern import INT, WORD, Row


class _General:
    name = "a step and a loss on one line"
    example = "step 00100/06000 | loss: 4.733723 | lr: 3.00e-04"
    _step = re.compile(
        rf"(?i)\b(?P<what>global[ _]step|num_updates|step|steps|iteration|iter|it|update|batch)\b\s*[:=#]?\s*\[?\s*(?P<step>{INT})"
        rf"(?:\s*(?:/|of)\s*(?P<total>{INT}))?"
    )
    _bracket = re.compile(rf"\[\s*(?P<step>{INT})\s*/\s*(?P<total>{INT})\s*\]")
    _torchtune = re.compile(rf"^\d+\|(?P<step>{INT})\|Loss: (?P<loss>{WORD})")
    _pair = re.compile(
        rf"(?P<key>[A-Za-z][\w/.]*(?:[ _-](?:loss|rate|tokens|entropy|samples|norm|lr))?)\s*(?:\([^)]*\))?\s*[:=]?\s*(?P<value>{WORD})(?![\w./]*[A-Za-z:])"
    )
    _tabs = re.compile(r"(?i)loss")

    def row(self, line: str) -> Row | None:
        if not self._tabs.search(line):
            return None
        tune = self._torchtune.search(line)
        if tune:
            return dict(tune.groupdict())
        step = self._step.search(line) or self._bracket.search(line)
        if step is None:
            return None
        pairs: Row = {}
        for match in self._pair.finditer(line):
            key = match["key"].strip()
            if key.lower() not in ("step", "steps", "iter", "iteration", "it", "of", "batch", "update"):
                pairs.setdefault(key, match["value"])
        if not any("loss" in k.lower() for k in pairs):
            return None
        row: Row = pairs | {"step": step["step"]}
        total = step.groupdict().get("total")
        return row | {"total": total} if total else row

    def more(self, line: str) -> Row | None:
        return None

    def planned(self, line: str) -> float | None:
        return None


PATTERN = _General()

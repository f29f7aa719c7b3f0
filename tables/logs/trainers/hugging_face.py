"""Hugging Face Trainer's standard output: dictionaries as Python prints them, between progress bars that know the step."""

import re

from tables.logs.pattern import INT, NUM, Row


class _Trainer:
    name = "Hugging Face Trainer"
    example = "{'loss': 4.7337, 'grad_norm': 0.91, 'learning_rate': 2.95e-04, 'epoch': 0.033}"
    _dict = re.compile(r"\{'(?:[^{}]|\{[^{}]*\})*\}")
    _pair = re.compile(rf"'(?P<key>[^']+)': '?(?P<value>{NUM})'?(?=[,}}])")
    _bar = re.compile(rf"\|\s*(?P<step>{INT})/(?P<total>{INT}) \[")
    _plan = re.compile(rf"Total optimization steps = ({INT})")

    def __init__(self) -> None:
        self._at: Row = {}

    def row(self, line: str) -> Row | None:
        bar = self._bar.search(line)
        if bar:
            self._at = {"step": bar["step"], "total": bar["total"]}
        match = self._dict.search(line)
        if match is None:
            return None
        found: Row = {m["key"]: m["value"] for m in self._pair.finditer(match[0])}
        if "epoch" not in found or not any("loss" in k for k in found) or "train_runtime" in found:
            return None
        return (self._at if "step" not in found else {}) | found

    def more(self, line: str) -> Row | None:
        return None

    def planned(self, line: str) -> float | None:
        match = self._plan.search(line)
        return float(match[1].replace(",", "")) if match else None


PATTERN = _Trainer()

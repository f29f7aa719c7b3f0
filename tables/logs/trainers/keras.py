"""Keras: `Epoch 3/10`, then a bar whose last state has the epoch's losses; the step is the epoch."""

import re

from tables.logs.pattern import INT, NUM, Row


class _Keras:
    name = "Keras"
    example = "Epoch 3/10  then  100/100 [=====] - 2s 20ms/step - loss: 0.5012 - val_loss: 0.6034"
    _epoch = re.compile(rf"^Epoch (?P<epoch>{INT})/(?P<total>{INT})\s*$")
    _bar = re.compile(rf"^\s*(?P<at>{INT})/(?P<of>{INT}) .*?\bloss: {NUM}")
    _pair = re.compile(rf"(?P<key>[A-Za-z]\w*): (?P<value>{NUM})")

    def row(self, line: str) -> Row | None:
        match = self._epoch.search(line)
        return {"epoch": match["epoch"], "total": match["total"]} if match else None

    def more(self, line: str) -> Row | None:
        match = self._bar.search(line)
        if match is None or match["at"] != match["of"]:
            return None
        return {m["key"]: m["value"] for m in self._pair.finditer(line)}

    def planned(self, line: str) -> float | None:
        return None


PATTERN = _Keras()

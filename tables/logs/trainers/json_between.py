"""JSON objects, one a line, between other lines of text."""

import json

from tables.json_rows import flat
from tables.logs.pattern import Row


class _Json:
    name = "JSON between lines of text"
    example = 'INFO {"step": 100, "loss": 4.7337}'

    def row(self, line: str) -> Row | None:
        at = line.find('{"')
        if at < 0:
            return None
        try:
            found, _ = json.JSONDecoder().raw_decode(line[at:])
        except (ValueError, RecursionError):
            return None
        row = flat(found)
        return row if any("loss" in k.lower() for k in row) else None

    def more(self, line: str) -> Row | None:
        return None

    def planned(self, line: str) -> float | None:
        return None


PATTERN = _Json()

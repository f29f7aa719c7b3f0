"""Draws the packages on docs/architecture.md: `python -m tests.draw_architecture` (or `make architecture`).

Rooms, arrows and modules are read from the code, so the page can't say what isn't there; a test compares the two.
"""

from __future__ import annotations

import ast
from pathlib import Path

from tests.test_architecture import MAY_IMPORT, ROOMS, ROOT, dotted, imports_of, modules, our_modules

PAGE = ROOT / "docs" / "architecture.md"

HEAD = """# Architecture

Which package answers which question, which rooms it has, and in which order to read them. Made from the code by
`make architecture`; a test keeps the page and the code together. Arrows say who imports whom and point one way; tests hold
them (`tests/test_architecture.py`). Words: [glossary](glossary.md).

## The house

{house}

`seeds/` and `programs/` are program texts that are run and never imported; `configs/` is YAML; `runs/` is output.

A run's way through the code: `harness/commands/evolve.py` parses and calls; `harness/run/run.py` has the four steps `prepare`, `search`,
`choose`, `reveal`; `harness/run/loop.py` is the loop (ask, evaluate, write down, tell); `harness/search/search.py` is what it
asks; `evaluator/evaluate.py` says what a program is worth; `evaluator/reveal.py` opens the held-out rows, once.
"""

QUESTIONS = {
    "tables": "what does this file say?",
    "fitting": "which constants fit this law best, and how sure are we?",
    "curves": "where will this training run end, and how sure are we?",
    "tasks": "what is asked, and on which rows?",
    "evaluator": "what is a program worth?",
    "studies": "how do methods of fitting compare?",
    "measure": "what do very small models lose that are trained here?",
    "harness": "what do we try next, what have we found, what do we forecast?",
}
DRAWN = ("fitting", "curves", "evaluator", "harness")


def first_line(path: Path) -> str:
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def depth(names: list[str], known: dict[str, Path]) -> dict[str, int]:
    """How many of these modules stand below each: the reading order is from the bottom."""
    inside = {n: {d for d in imports_of(known[n], known) if d in names and d != n} for n in names}
    found: dict[str, int] = {}

    def of(name: str) -> int:
        if name not in found:
            found[name] = 0
            found[name] = 1 + max((of(d) for d in inside[name]), default=-1)
        return found[name]

    for name in names:
        of(name)
    return found


def room(path: Path, package: str) -> str:
    parts = path.relative_to(ROOT / package).parts[:-1]
    return "/".join(parts)


def section(package: str, known: dict[str, Path]) -> str:
    """One package: its rooms as a graph, then its modules in reading order, room by room."""
    paths = [p for p in modules(package) if p.name not in ("__init__.py", "__main__.py")]
    names = {dotted(p): p for p in paths}
    drawn = {n: known.get(n, p) for n, p in names.items()}
    levels = depth(list(names), {**known, **drawn})
    rooms = sorted({room(p, package) for p in paths}, key=lambda r: (_place(package, r), r))
    arrows = set()
    for path in names.values():
        for other in imports_of(path, known):
            if other in names and room(names[other], package) != room(path, package):
                arrows.add((room(path, package), room(names[other], package)))
    lines = [f"## `{package}/`: {QUESTIONS[package]}", ""]
    if len(rooms) > 1:
        label = {r: f"{package}/{r}" if r else f"{package} (top)" for r in rooms}
        keys = {r: "r" + str(i) for i, r in enumerate(rooms)}
        lines += ["```mermaid", "graph TD"]
        lines += [f'  {keys[r]}["{label[r]}"]' for r in rooms]
        lines += [f"  {keys[a]} --> {keys[b]}" for a, b in sorted(arrows) if b]
        lines += ["```", ""]
    for r in rooms:
        lines += [f"### `{package}/{r}`" if r else "### top", "", "| module | noun |", "|---|---|"]
        inside = sorted((n for n, p in names.items() if room(p, package) == r), key=lambda n: (levels[n], n))
        lines += [f"| `{names[n].name}` | {first_line(names[n]).replace('|', '/')} |" for n in inside]
        lines.append("")
    return "\n".join(lines)


def _place(package: str, name: str) -> int:
    """Lowest rooms first, the top last."""
    order = ROOMS.get(package, ())
    first = name.split("/")[0]
    return order.index(first) if first in order else len(order)


def page() -> str:
    known = our_modules()
    house = ["| package | the question | imports |", "|---|---|---|"]
    for package, question in QUESTIONS.items():
        below = ", ".join(f"`{p}`" for p in sorted(MAY_IMPORT[package])) or "-"
        house.append(f"| `{package}/` | {question} | {below} |")
    return "\n".join([HEAD.format(house="\n".join(house)), *(section(p, known) for p in DRAWN)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")

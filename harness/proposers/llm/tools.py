"""Small calls a model may make before it answers: on training rows alone, in the sandbox, each one counted.

A call is written as a line, with or without an endpoint that knows tool calls (those are turned into such lines):

    CALL: fit(E + A*N**-a; loss=huber)       errors by fold and constants
    CALL: residuals(E + A*N**-a; N)          where that law goes wrong, along one feature or all
    CALL: table(N >= 1e9, group = stack)     rows of train
    CALL: python                             and a fence: short code with X, y (one group after the other), np; print results
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluator import Evaluator, EvaluatorError, Failed
from harness.proposers.facts import TaskFacts
from harness.proposers.llm.grid import listed, where
from harness.proposers.llm.lawline import BadLawLine, law_draft
from harness.proposers.llm.stated import Stated
from harness.proposers.llm.thoughts import answer_of
from tables.documents import read_json
from tasks import Task

if TYPE_CHECKING:
    from harness.proposers.llm.staged import Staged

NAMES = ("fit", "residuals", "table", "python")
MOST_RESULT = 1500
MOST_CODE = 4000
_LINE = re.compile(r"^[\s>*`-]*CALL[*`]*\s*:[\s*`]*(\w+)\s*(?:\((.*)\)|\(\)|)[\s`.;]*$", re.M)
_CODE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)(?:^[ \t]*\1|\Z)", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: a name of NAMES and its argument, or its code."""

    name: str
    argument: str = ""

    @property
    def text(self) -> str:
        return f"{self.name}({self.argument})"


def call_in(text: str) -> Call | None:
    """The first call of an answer, or None. An answer with a program or a law of its own is no call."""
    text = answer_of(text)
    found = _LINE.search(text)
    if found is None or "def scaling_law_func" in text or re.search(r"^\W*LAW\W*[:=]", text, re.M):
        return None
    name = found.group(1).lower()
    if name == "python":
        code = _CODE.search(text, found.end())
        return Call(name, code.group(2)[:MOST_CODE] if code else (found.group(2) or ""))
    return Call(name, " ".join((found.group(2) or "").split()).strip("\"'`"))


def lines_of(tool_calls: Any) -> str:
    """CALL lines of an endpoint's own tool calls."""
    lines = []
    for call in tool_calls if isinstance(tool_calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        name = str(function.get("name") or "")
        given = function.get("arguments")
        try:
            values = read_json(given) if isinstance(given, str) else given
        except ValueError:
            values = {}
        values = values if isinstance(values, dict) else {}
        if name == "python":
            lines.append(f"CALL: python\n```python\n{values.get('code', '')}\n```")
        else:
            argument = "; ".join(str(v) for v in values.values() if v not in ("", None))
            lines.append(f"CALL: {name}({argument})")
    return "\n".join(lines)


def definitions() -> list[dict[str, Any]]:
    """The calls as an endpoint's own tools."""

    def tool(name: str, about: str, **arguments: str) -> dict[str, Any]:
        properties = {k: {"type": "string", "description": v} for k, v in arguments.items()}
        schema = {"type": "object", "properties": properties, "required": list(arguments)[:1]}
        return {"type": "function", "function": {"name": name, "description": about, "parameters": schema}}

    return [
        tool(
            "fit",
            "errors by fold and constants of a law",
            law="the law on one line",
            choices="loss=huber, link=log",
        ),
        tool(
            "residuals",
            "where a law goes wrong on hidden rows",
            law="the law on one line",
            by="a feature, or empty",
        ),
        tool("table", "training rows that meet conditions", where="such as N >= 1e9, group = a"),
        tool("python", "short code with X, y and np, group by group", code="Python that prints"),
    ]


@dataclass(slots=True)
class Tools:
    """Runs calls. Only rows of train can be reached."""

    evaluator: Evaluator
    task: Task
    facts: TaskFacts

    def run(self, call: Call, evaluate: Callable[[str], Staged]) -> str:
        """The result as text; what can't be done says why. Never raises for what a model wrote."""
        try:
            text = self._run(call, evaluate)
        except BadLawLine as error:
            text = f"error: {error}"
        except EvaluatorError:
            raise  # the machine failed
        except Exception as error:  # whatever a model wrote makes of us
            text = f"error: {type(error).__name__}: {str(error)[:200]}"
        return text if len(text) <= MOST_RESULT else text[:MOST_RESULT] + " ..."

    def _run(self, call: Call, evaluate: Callable[[str], Staged]) -> str:
        law, _, rest = call.argument.partition(";")
        if call.name == "fit":
            return self._fit(law, rest, evaluate)
        if call.name == "residuals":
            return self._residuals(law, rest.strip(), evaluate)
        if call.name == "table":
            rows = where(self.task.spec, self.facts, self.task.train, call.argument)
            return (
                rows
                if isinstance(rows, str)
                else (listed(self.task.spec, rows) if len(rows) else "no such row")
            )
        if call.name == "python":
            return self._python(call.argument)
        return f"error: no call {call.name!r}; calls are {', '.join(NAMES)}"

    def _program(self, law: str, choices: str) -> str:
        return law_draft(Stated(law=law.strip(), fit=choices), self.facts, "a trial", "call").program

    def _fit(self, law: str, choices: str, evaluate: Callable[[str], Staged]) -> str:
        staged = evaluate(self._program(law, choices))
        if isinstance(staged.outcome, Failed):
            return f"failed: {staged.outcome.failure.value}: {staged.outcome.detail}"
        return "\n".join(staged.fits)

    def _residuals(self, law: str, by: str, evaluate: Callable[[str], Staged]) -> str:
        staged = evaluate(self._program(law, ""))
        if isinstance(staged.outcome, Failed):
            return f"failed: {staged.outcome.failure.value}: {staged.outcome.detail}"
        wanted = [line for line in staged.patterns if line.startswith("- ") or not by or by in line]
        return "\n".join(wanted)

    def _python(self, code: str) -> str:
        """Code of a model, run as the fit of a program, where no held-out row and no file can be reached."""
        if not code.strip():
            return "error: expected a fence with code after CALL: python"
        body = "\n".join(f"    {line}" for line in code.expandtabs(4).splitlines())
        program = PYTHON.format(body=body, targets=len(self.task.spec.targets))
        train = self.task.train
        answer = self.evaluator.fit_and_predict(program, self.task.spec, train, train.X[:1], train.group[:1])
        if isinstance(answer, Failed):
            return f"failed: {answer.failure.value}: {answer.detail}\n{answer.traceback}\n{answer.output}".strip()
        return answer.output.strip() or "(nothing was printed)"


PYTHON = """# EVOLVE-BLOCK-START
import numpy as np


def fit_scaling_law(data_points, loss_values):
    X, y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float)
{body}
    return np.zeros(1)


def scaling_law_func(data_points, params):
    return np.zeros((len(np.asarray(data_points)), {targets}))
# EVOLVE-BLOCK-END
"""

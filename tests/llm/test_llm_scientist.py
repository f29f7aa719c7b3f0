"""A scripted scientist that knows the true law as one of ten replies ends at it, under its name, on every task family."""

import io
import threading

import pytest
from fake_server import FakeServer, completion
from families import FAMILIES, family_task
from rich.console import Console

from fitting import Law
from harness.config import Config, EvolveConfig
from harness.proposers.assignment import Assignment
from harness.proposers.formula.naming import readable
from harness.proposers.llm.settings import LlmConfig, ModelConfig
from harness.run.beginning import start_run
from harness.run.run import Terms, run
from harness.terminal.printing import print_summary

EVALUATIONS = 14
TRUE_AT = 6

FREE = """LAW: E + A*{x}**-a
CONSTANTS: E [nats], A [nats], a
WHY: a floor and one power.

```python
import numpy as np
from fitting import fit


def scaling_law_func(data_points, params):
    x = np.asarray(data_points, dtype=float)[:, 0] / {unit}
    values = [p[0] + p[1] * np.abs(x) ** -p[2] for p in np.reshape(params, (-1, 3))]
    return values[0] if len(values) == 1 else np.stack(values, axis=1)


def fit_scaling_law(data_points, loss_values):
    x = np.abs(np.asarray(data_points, dtype=float)[:, 0]) / {unit} + 1e-9
    y = np.asarray(loss_values, dtype=float).reshape(len(x), -1)
    found = [fit("E + A*x**-a", {{"x": x, "L": column}}).constants for column in y.T]
    return np.concatenate([[f["E"], f["A"], f["a"]] for f in found])
```
"""


class Knows:
    """Ten replies, the true law among them; then small changes of what was said."""

    def __init__(self, name, facts):
        xs = facts.names
        x, z = xs[0], xs[-1]
        self.truth = FAMILIES[name].law
        self.n, self.lock = 0, threading.Lock()
        self.replies = [
            f"LAW: E + A*{x}**-a\nWHY: one power.",
            f"LAW: E + A*log(1 + abs({z}))\nWHY: logs.",
            f"LAW: E + A*{x}\nWHY: a straight line.",
            FREE.format(x=x, unit=facts.features[0].unit),
            f"<think>LAW: E + A*{x}**2</think>I would look at the rows again.",
            f"LAW: E + A*exp(-k*{z})\nCONSTANTS: E [nats], A [nats], k\nWHY: it decays.",
            f"LAW: {self.truth}\nWHY: this is how the rows came about.",
            f"LAW: E + A*{x} + B*{z}\nWHY: two lines.",
            f"LAW: E + A*tanh(k*{x})\nWHY: it levels off.",
            f"LAW: A*{x}**-a\nWHY: no floor.",
        ]

    def __call__(self, body):
        with self.lock:
            n, self.n = self.n, self.n + 1
        if n < len(self.replies):
            return completion(self.replies[n])
        return completion(f"LAW: E + A*{1 + n / 7:.4f}**-k\nWHY: nothing new.")


def searched(name, tmp_path, script, task, **llm):
    """A whole run with models: sandbox, choice and reveal are real."""
    assignment = Assignment.of(task)
    with FakeServer(script) as server:
        model = ModelConfig("fake", base_url=server.url)
        settings = LlmConfig(models=(model,), in_flight=2, reflect_every=0, deadline_s=60.0, **llm)
        config = Config(
            tasks=(name,),
            evolve=EvolveConfig(
                proposer="llm", evaluations=EVALUATIONS, minutes=4.0, seed=3, task_seeds=False
            ),
            llm=settings,
        )
        folder = start_run(config, assignment, tmp_path / "runs")
        result = run(folder, config, assignment, Terms())
    out = io.StringIO()
    print_summary(result.summary, Console(file=out, width=500), str(folder.path))
    return folder, config, result.summary, out.getvalue(), server


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", [n if n in ("parallel", "sft") else pytest.param(n, marks=pytest.mark.slow) for n in FAMILIES]
)
def test_the_true_law_among_ten_replies_is_the_result_and_its_name(name, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.run.in_flight.live.MOST_REJECTED", 6)
    task = family_task(name)
    facts = Assignment.of(task).facts
    knows = Knows(name, facts)
    _, _, summary, screen, _ = searched(name, tmp_path, knows, task)
    found = Law.parse(summary["law"], facts.names)
    assert found.same_as(Law.parse(knows.truth, facts.names)), summary["law"]
    assert readable(summary["law"], facts.names).text in screen
    assert summary["heldout"]["r2"] > 0.98

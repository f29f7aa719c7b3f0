"""Models for the fake server that answer with programs, by rule and seed, and made-up rows to work on."""

from __future__ import annotations

import random
import re
import threading

import numpy as np
import pandas as pd
from fake_server import Step, completion, cut, endless, error, events, html, trickle

BLOCK = """import numpy as np
from scipy.optimize import least_squares


def columns(X, q):
    N, P = X[:, 0] / 1e9, X[:, 1]
    return [np.ones(len(X)), {columns}]


def scaling_law_func(data_points, params):
    X = np.asarray(data_points, dtype=float)
    p = np.asarray(params, dtype=float)
    return sum(c * t for c, t in zip(p[:{n_linear}], columns(X, p[{n_linear}:])))


def fit_scaling_law(data_points, loss_values):
    X, y = np.asarray(data_points, dtype=float), np.asarray(loss_values, dtype=float).ravel()

    def solve(q):
        phi = np.stack(columns(X, q), axis=1)
        c = np.linalg.lstsq(phi, y, rcond=None)[0]
        return c, phi @ c - y

    best = least_squares(lambda q: solve(q)[1], {start}, bounds=({low}, {high}))
    return np.concatenate([solve(best.x)[0], best.x])
"""


def law_block(columns: str, start: list[float], low: float = 0.01, high: float = 3.0) -> str:
    """EVOLVE-BLOCK of a law: terms besides the constant, in N (billions), P and the non-linear q."""
    n = columns.count(",,") + 2
    return BLOCK.format(columns=columns.replace(",,", ","), n_linear=n, start=start, low=low, high=high)


LAWS = [
    law_block("N ** -q[0]", [0.2]),
    law_block("N ** -q[0],, P ** -q[0]", [0.2]),
    law_block("(N * P ** q[1]) ** -q[0]", [0.2, 0.3]),
    law_block("(N * (q[1] * np.log(P) + 1)) ** -q[0]", [0.2, 0.3]),
]
"""Ever better laws of the made-up rows; the last is the one they come from."""


def write_rows(folder, heldout=None, seed=0):
    """Rows of the `parallel` task's schema; held-out rows may be replaced by (N, P, loss)."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, E in (("stack", 0.7), ("pile", 1.2)):
        for N in (5e8, 1e9, 2e9, 4e9):
            for P in (1, 2, 4, 8):
                loss = E + 0.8 * (N / 1e9 * (0.4 * np.log(P) + 1)) ** -0.2 + 1e-4 * rng.normal()
                rows.append((N, P, group, loss))
    table = pd.DataFrame(rows, columns=["num_params", "parallel_size", "group", "loss"])
    test = table[table.parallel_size == 8].copy()
    if heldout is not None:
        test["num_params"], test["parallel_size"], test["loss"] = heldout
    place = folder / "parallel_scaling_law"
    place.mkdir(parents=True)
    table[table.parallel_size < 8].to_csv(place / "train.csv", index=False)
    test.to_csv(place / "test.csv", index=False)
    return folder


def fenced(block: str, words: str = "A law with another term.") -> str:
    return f"{words}\n\n```python\n{block}```\n"


def is_memo(body: dict) -> bool:
    return "# Your memo" in body["messages"][-1]["content"]


class Scientist:
    """Answers with known laws, the next better one each time it is shown that the last was scored."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self._n = 0
        self._lock = threading.Lock()
        self.delay_s = delay_s

    def __call__(self, body: dict) -> Step:
        if is_memo(body):
            return completion("- saturating terms in P help\n- additive powers do not")
        with self._lock:
            n, self._n = self._n, self._n + 1
        if n < len(LAWS):
            return completion(fenced(LAWS[n]), delay_s=self.delay_s)
        return completion(fenced(variant(n)), delay_s=self.delay_s)


def variant(n: int) -> str:
    """A law of no great merit, another one for each n."""
    rng = random.Random(n)
    a, b = rng.uniform(0.05, 0.9), rng.uniform(0.05, 0.9)
    forms = [
        f"N ** -{a:.4f} * P ** -q[0]",
        f"N ** -q[0],, np.exp(-{a:.4f} * P)",
        f"(N + {b:.4f}) ** -q[0],, np.log(P + {a:.4f})",
        f"(N * P ** {a:.4f}) ** -q[0]",
    ]
    columns = forms[n % len(forms)]
    return law_block(columns, [0.2])


class Variants:
    """Answers every question with another small change of a law: an honest, unremarkable model."""

    def __init__(self, delay_s: float = 0.0, usage: tuple[int, int] | None = None) -> None:
        self._n = 0
        self._lock = threading.Lock()
        self.delay_s = delay_s

    def __call__(self, body: dict) -> Step:
        if is_memo(body):
            return completion("- nothing stands out", delay_s=self.delay_s)
        with self._lock:
            self._n += 1
            n = self._n
        if "SEARCH" in body["messages"][-1]["content"] and n % 3 == 0:
            return completion(_diff(body, n) or fenced(variant(n)), delay_s=self.delay_s)
        return completion(fenced(variant(n)), delay_s=self.delay_s)


def _diff(body: dict, n: int) -> str | None:
    """A change of the exponent's first guess in the parent's own words."""
    found = re.search(r"^( *best = least_squares\(.*\))$", body["messages"][-1]["content"], re.M)
    if not found:
        return None
    line = found.group(1)
    changed = re.sub(
        r"\[[\d., ]+\]", lambda m: f"[{0.1 + n * 1e-4:.4f}{', 0.3' if ',' in m.group(0) else ''}]", line
    )
    return f"Another start.\n\n<<<<<<< SEARCH\n{line}\n=======\n{changed}\n>>>>>>> REPLACE\n"


BAD = [
    lambda good: error(429, "slow down", Retry_After="600"),
    lambda good: error(500, "oops"),
    lambda good: Step(reset=True),
    lambda good: trickle(good, 0.02, 4),
    lambda good: Step(body=good.body[: len(good.body) // 2]),
    lambda good: cut(good),
    lambda good: html(),
    lambda good: completion(None),
    lambda good: completion("```python\nimport numpy as np\ndef fit", finish="length"),
    lambda good: completion("```json\n{\"law\": \"E + A/N\"}\n```"),
    lambda good: completion("I would add a term that saturates in P. Shall I write it?"),
    lambda good: completion(fenced("def fit_scaling_law(data_points, loss_values:\n    return [1.0]\n")),
    lambda good: events("half of a stream, then", finish=None, done=False),
    lambda good: endless(),
    lambda good: Step(status=503, body=b"<html>busy</html>", headers={"Content-Type": "text/html"}),
    lambda good: completion("<think>LAW: E + A*N**-a, perhaps, or"),
    lambda good: completion(fenced("def fit_scaling_law(a, b, c=" + "-" * 400 + "1, *, d): ...\n")),
    lambda good: completion("LAW: " + "(" * 300 + "N" + ")" * 300),
    lambda good: completion("LAW: E + A*N**-a + B*P**-b + C*N*P + D*N**2"),
    lambda good: completion("<<<<<<< SEARCH\nnowhere\n=======\nnothing"),
    lambda good: Step(body=b'{"choices": [], "usage": {"prompt_tokens": 700}}'),
    lambda good: error(403, "Your input was flagged by moderation"),
    lambda good: error(429, "Quota exceeded for requests per minute. Please retry in 0.01s."),
    lambda good: Step(body=b'{"error": {"code": 503, "message": "overloaded"}}'),
    lambda good: completion("CALL: fit(N)", finish="EOS_TOKEN"),
]  # fmt: skip


class Unreliable:
    """Another model, of whose answers one in so many is odd, in every way there is."""

    def __init__(self, model, one_in: int = 5) -> None:
        self._model, self._one_in = model, one_in
        self._n = 0
        self._bad = 0
        self._lock = threading.Lock()

    def __call__(self, body: dict) -> Step:
        good = self._model(body)
        with self._lock:
            self._n += 1
            if self._n % self._one_in:
                return good
            self._bad += 1
            return BAD[self._bad % len(BAD)](good)


LINES = [
    "E + A*num_params**-a",
    "E + A*num_params**-a*parallel_size**-b",
    "E + A*(num_params + s*parallel_size)**-a",
    "E + A*(num_params*(1 + k*log(parallel_size)))**-a",
]
"""Ever better laws of the made-up rows, as lines."""


class Lines:
    """Answers with laws alone: four that are known, then others at random."""

    def __init__(self) -> None:
        self._n = 0
        self._lock = threading.Lock()

    def __call__(self, body: dict) -> Step:
        if is_memo(body):
            return completion("- saturating terms in streams help\n- additive powers do not")
        with self._lock:
            n, self._n = self._n, self._n + 1
        if n < len(LINES):
            return completion(
                f"LAW: {LINES[n]}\nCONSTANTS: E [nats], A [nats], a\nWHY: the next term one would try."
            )
        rng = random.Random(n)
        a, b = rng.uniform(0.05, 0.9), rng.uniform(0.05, 0.9)
        form = [
            f"E + A*num_params**-{a:.3f} + B*parallel_size**-b",
            f"E + A*num_params**-a*exp(-{a:.3f}*parallel_size)",
            f"E + A*(num_params + {b:.3f})**-a",
            f"E + A*(num_params*parallel_size**{a:.3f})**-a",
        ][n % 4]
        return completion(f"LAW: {form}\nCONSTANTS: E [nats], A [nats], a\nWHY: another form of the same.")

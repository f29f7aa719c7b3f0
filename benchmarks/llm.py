"""Search with models, measured against a scripted fake server: real sockets, real client, no network.

    python benchmarks/llm.py accounts     # 1,000 proposals with one reply in four odd: is everything accounted for?
    python benchmarks/llm.py rate         # a model that takes 2 s, 8 requests in flight, 2 workers
    python benchmarks/llm.py overhead     # what one proposal costs the harness itself
    python benchmarks/llm.py tokens       # tokens in and out for each improvement
    python benchmarks/llm.py tools        # what calls before an answer add to the tokens of a proposal
    python benchmarks/llm.py              # all five

`accounts`, `rate` and `overhead` score programs by a made-up rule, so that they measure the search alone;
`tokens` and `tools` run the whole command, sandbox included, on made-up rows. No held-out row of a real task is opened.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "llm"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fake_server import FakeServer, Step, completion
from in_flight_cases import PRICED, QUICK, Case, accounted, made_up
from scripted_models import Lines, Scientist, Unreliable, Variants, fenced, is_memo, variant, write_rows

from harness.commands import evolve
from harness.proposers.llm.reply import Reply, Status
from harness.record.journal import Journal

CHARACTERS_PER_TOKEN = 4.0


def accounts(n: int) -> None:
    """Proposals with one reply in four odd, until `n` have begun."""
    settings = replace(
        QUICK, read_timeout_s=1.0, deadline_s=5.0, breaker_failures=30, reflect_every=60, max_tokens=n * 5000
    )
    with tempfile.TemporaryDirectory() as folder, FakeServer(Unreliable(Variants(), one_in=4)) as server:
        case = Case(Path(folder) / "journal.sqlite", server.url, settings)
        start = time.monotonic()
        ending = case.go(n, minutes=30)
        seconds = time.monotonic() - start
        requests = accounted(case.lines("request", "reply", "ask", "turned_down", "evaluation"))
        replies = case.lines("reply")
        purposes = Counter(r["purpose"] for r in requests.values())
        tries = Counter(s for r in replies for s in [*r["attempts"], r["status"]])
        spent = case.ledger.tokens_in + case.ledger.tokens_out
        evaluations = len(case.lines("evaluation"))
    told = ", ".join(f"{name} {count}" for name, count in tries.most_common())
    asked = ", ".join(f"{count} {name}" for name, count in sorted(purposes.items()))
    print(
        f"accounts: ended by {ending.value} after {seconds:.0f} s; requests: {asked}; {evaluations} evaluations"
    )
    print(f"  {len(server.requests)} calls came to the server; replies by attempt: {told}")
    print(
        f"  tokens {spent} of {settings.max_tokens}, {case.ledger.estimated} of them estimated at their most"
    )
    print(f"  every one of {len(requests)} requests has one reply, every proposal ended exactly once")


def rate(n: int) -> None:
    """Rate of a steady search against the ideal of the slower side."""
    for score_s in (0.3, 0.8):
        settings = replace(QUICK, read_timeout_s=20.0, deadline_s=30.0, in_flight=8)
        with tempfile.TemporaryDirectory() as folder, FakeServer(Variants(delay_s=2.0)) as server:
            case = Case(Path(folder) / "journal.sqlite", server.url, settings)
            ends: list[float] = []

            def timed(program: str, twin_of: Any, score_s: float = score_s, ends: list[float] = ends) -> Any:
                staged = made_up(program, lambda signature: "", seconds=score_s)
                ends.append(time.monotonic())
                return staged

            case.go(n, minutes=30, evaluate=timed)
        warm = 10  # seeds, and the first replies, which come all at once
        measured = (len(ends) - 1 - warm) / (ends[-1] - ends[warm])
        ideal = min(8 / 2.0, 2 / score_s)
        print(
            f"rate: model 2 s x 8 in flight, score {score_s} s x 2 workers: {measured:.2f} programs/s, "
            f"ideal {ideal:.2f}, {100 * measured / ideal:.0f} %"
        )


def overhead(n: int) -> None:
    """Prompt, reading, checks and journal of one proposal, as the search grows: processor time; no server, no scoring."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        case = Case(path, "http://127.0.0.1:9/v1", replace(QUICK, reflect_every=0))
        spent: list[tuple[float, ...]] = []
        with Journal.create(path, {"seed": 5}) as journal:
            state = case.state(journal)
            while state.search.seeds_left:
                candidate = state.ask()
                assert candidate is not None
                state.evaluated(candidate, made_up(candidate.program, lambda signature: ""))
            for i in range(n):
                text = fenced(variant(i))
                reply = Reply(Status.OK, text, tokens_in=700, tokens_out=300)
                t0 = time.thread_time()
                planned = state.search.plan()
                assert planned is not None
                request = state.llm.request(state.numbers, planned[0], state.search, planned[1], ["fake"])
                assert request is not None
                t1 = time.thread_time()
                state.request(request)
                t2 = time.thread_time()
                state.reply(request.number, reply)
                t3 = time.thread_time()
                for candidate in list(state.waiting.values()):
                    found = made_up(candidate.program, partial(state._twin, state.rank[candidate.id]))
                    t3b = time.thread_time()
                    state.evaluated(candidate, found)
                    t3 += time.thread_time() - t3b
                spent.append((t1 - t0, t2 - t1, t3 - t2, t1 - t0 + t2 - t1 + t3 - t2))
    ms = 1e3 * np.array(spent)
    last = ms[-n // 5 :]
    for name, values in (("all", ms), (f"last {len(last)}", last)):
        prompt, journal_ms, reading, total = np.median(values, axis=0)
        print(
            f"overhead, {name} of {n} proposals, processor time, median: prompt {prompt:.2f} ms, request to journal {journal_ms:.2f} ms, "
            f"reading, checks, outcome {reading:.2f} ms; whole {total:.2f} ms, 95th percentile {np.quantile(values[:, 3], 0.95):.2f} ms"
        )


class Counted:
    """A model whose answers carry token counts made from the texts' lengths, as a real server's do: offered tools are text too."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, body: dict[str, Any]) -> Step:
        step = self._model(body)
        try:
            value = json.loads(step.body)
            message = value["choices"][0]["message"]
        except (ValueError, KeyError, TypeError, IndexError):
            return step
        prompt = sum(len(m["content"]) for m in body["messages"])
        prompt += len(json.dumps(body["tools"])) if "tools" in body else 0
        told = len(message["content"] or "") + sum(len(json.dumps(c)) for c in message.get("tool_calls", ()))
        value["usage"] = {
            "prompt_tokens": int(prompt / CHARACTERS_PER_TOKEN),
            "completion_tokens": int(told / CHARACTERS_PER_TOKEN),
        }
        return replace(step, body=json.dumps(value).encode())


def spent(
    model: Any, evaluations: int, seed: int, task_seeds: bool, **llm: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One whole run on made-up rows with the default templates: its facts about models, and its journal's entries.

    Args:
        model: answers of the scripted endpoint.
        task_seeds: whether it begins from programs, or from laws on one line alone.
        llm: settings beside the usual ones.
    """
    os.environ["SLD_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as folder, FakeServer(model) as server:
        place = Path(folder)
        config = {
            "task": "parallel",
            "evolve": {
                "proposer": "llm",
                "evaluations": evaluations,
                "minutes": 30,
                "seed": seed,
                "task_seeds": task_seeds,
            },
            "llm": {
                "models": [{"model": "fake", "base_url": server.url, "price_in": 1.0, "price_out": 4.0}],
                "deadline_s": 10.0,
                "read_timeout_s": 2.0,
                "retry_after_cap_s": 0.1,
                "breaker_failures": 50,
                **llm,
            },
        }
        (place / "config.yaml").write_text(yaml.safe_dump(config))
        out, said = io.StringIO(), io.StringIO()
        arguments = ["--config", str(place / "config.yaml"), "--data-dir", str(write_rows(place / "rows"))]
        no_page = patch(
            "harness.commands.evolving.end_page", lambda folder: ""
        )  # its drawing is not measured here
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said), no_page:
            code = evolve.main([*arguments, "--out", str(place / "runs"), "--json"])
        assert code == 0, said.getvalue()[-2000:]
        summary = json.loads(out.getvalue())
        with Journal(Path(summary["path"]) / "journal.sqlite", read_only=True) as journal:
            exported = io.StringIO()
            journal.export(exported)
    return summary["llm"], [json.loads(line) for line in exported.getvalue().splitlines()]


def tokens(evaluations: int, seeds: int, lines: bool) -> None:
    """Tokens of a request and of an improvement.

    Args:
        lines: the model answers with laws on one line, so that parents are rendered laws; else with programs.
    """
    total: Counter[str] = Counter()
    for seed in range(seeds):
        model = Unreliable(Counted(Lines() if lines else Scientist()), 5)
        facts, _ = spent(model, evaluations, seed, not lines)
        total.update(
            {k: facts[k] for k in ("requests", "tokens_in", "tokens_out", "improvements", "candidates")}
        )
        what = "laws on one line" if lines else "programs"
        print(
            f"tokens, {what}, seed {seed}: {json.dumps({k: facts[k] for k in total})}, cost {facts['cost']:.3f}"
        )
    n = total["improvements"]
    print(
        f"tokens: {total['tokens_in'] // total['requests']} in and {total['tokens_out'] // total['requests']} out a request; "
        f"{total['tokens_in'] // n} in and {total['tokens_out'] // n} out for each of {n} improvements of the best law, "
        f"{seeds} runs of {evaluations} evaluations, {CHARACTERS_PER_TOKEN:g} characters a token"
    )


class Looks:
    """A model that makes so many calls before each answer, in its endpoint's own way or as text."""

    CALLS = (
        ("table", {"where": "parallel_size = 4"}, "table(parallel_size = 4)"),
        ("fit", {"law": "E + A*num_params**-a"}, "fit(E + A*num_params**-a)"),
        ("residuals", {"law": "E + A*num_params**-a"}, "residuals(E + A*num_params**-a)"),
    )

    def __init__(self, calls: int, own_way: bool) -> None:
        self._calls, self._own_way, self._answers = calls, own_way, Lines()

    def __call__(self, body: dict[str, Any]) -> Step:
        turn = sum(m["role"] == "assistant" for m in body["messages"])
        if is_memo(body) or turn >= self._calls:
            return self._answers(body)
        name, arguments, text = self.CALLS[turn]
        if not self._own_way:
            return completion(f"I look first.\nCALL: {text}")
        call = {"id": "x", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        message = {"role": "assistant", "content": "I look first.", "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return Step(body=json.dumps({"choices": [choice]}).encode())


def tools(proposals: int) -> None:
    """What calls before an answer cost in tokens: a proposal with k of them is its first request and k turns more."""
    plain = 0.0
    for calls, own_way in ((0, False), (3, False), (3, True)):
        # Patient: what other work on the machine delays must not look like a bad reply.
        offered: dict[str, Any] = {"deadline_s": 300.0, "read_timeout_s": 120.0}
        offered |= {"tools": True, "tool_calls": calls} if calls else {}
        model = Counted(Looks(calls, own_way))
        _, entries = spent(model, proposals * (1 + calls), 0, False, reflect_every=0, **offered)
        depth = {
            e["number"]: sum(role == "assistant" for role, _ in e["messages"])
            for e in entries
            if e.get("kind") == "request" and e["purpose"] in ("propose", "turn")
        }
        taken: dict[int, list[tuple[int, int]]] = {}
        for e in entries:
            if e.get("kind") == "reply" and e["request"] in depth and e["status"] == "ok":
                taken.setdefault(depth[e["request"]], []).append((e["tokens_in"], e["tokens_out"]))
        way = "no calls offered" if not calls else "tools of the endpoint" if own_way else "calls as text"
        whole = np.zeros(2)
        for k, found in sorted(taken.items()):
            whole = whole + np.mean(found, axis=0)
            plain = plain or float(whole.sum())
            print(
                f"tools, {way}, {k} made: {whole[0]:.0f} tokens in and {whole[1]:.0f} out a proposal, "
                f"{whole.sum() / plain:.2f} times a plain one ({len(found)} of them)"
            )


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "part", nargs="?", choices=("accounts", "rate", "overhead", "tokens", "tools"), help="default: all"
    )
    p.add_argument("--proposals", type=int, default=1000, help="of accounts and overhead (default: 1000)")
    p.add_argument("--programs", type=int, default=150, help="of rate (default: 150)")
    p.add_argument("--evaluations", type=int, default=100, help="of a run of tokens (default: 100)")
    p.add_argument("--seeds", type=int, default=3, help="runs of tokens (default: 3)")
    args = p.parse_args()
    assert PRICED.model == "fake"
    if args.part in (None, "accounts"):
        accounts(args.proposals)
    if args.part in (None, "rate"):
        rate(args.programs)
    if args.part in (None, "overhead"):
        overhead(args.proposals)
    if args.part in (None, "tokens"):
        tokens(args.evaluations, args.seeds, lines=True)
        tokens(args.evaluations, args.seeds, lines=False)
    if args.part in (None, "tools"):
        tools(max(args.evaluations // 5, 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

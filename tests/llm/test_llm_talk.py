"""Calls of models before they answer, hints of people, parents of prompts, and what a resume does not pay for."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from fake_server import FakeServer, Step, completion
from families import family_task
from in_flight_cases import QUICK, Case, accounted, made_up, toy_task
from scripted_models import Variants, is_memo

from evaluator import Evaluator, LocalSandbox
from harness.hint import main as hint
from harness.proposers.assignment import Assignment
from harness.proposers.llm.hints import read_hint, write_hint
from harness.proposers.llm.staged import staged_evaluation
from harness.proposers.llm.tools import Call, call_in
from harness.run.loop import Ending

TALKING = replace(QUICK, tools=True, tool_calls=2, in_flight=2)


class Talks:
    """Asks two calls before each answer: in its endpoint's own way, or as text."""

    def __init__(self, own_way):
        self.own_way, self.answers = own_way, Variants()

    def __call__(self, body):
        if is_memo(body):
            return completion("- nothing")
        turns = sum(m["role"] == "assistant" for m in body["messages"])
        if turns == 2 or "can't be used" in body["messages"][-1]["content"]:
            return self.answers(body)
        if not self.own_way:
            return completion(
                ["I look first.\nCALL: table(P = 4)", "CALL: fit(E + A*N**-a; loss=huber)"][turns]
            )
        if "tools" not in body:
            return Step(400, b'{"error": {"message": "tools are sent with every turn"}}')
        given = [("table", {"where": "P = 4"}), ("fit", {"law": "E + A*N**-a", "choices": "loss=huber"})][
            turns
        ]
        call = {
            "id": "x",
            "type": "function",
            "function": {"name": given[0], "arguments": json.dumps(given[1])},
        }
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        usage = {"prompt_tokens": 700, "completion_tokens": 20}
        return Step(
            body=json.dumps(
                {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage}
            ).encode()
        )


class Talking(Case):
    """A case whose calls have results; everything else is as ever."""

    def state(self, journal, evaluate=made_up):
        state = super().state(journal, evaluate)
        state.tool = lambda call: f"result of {call.text}"
        return state


@pytest.mark.parametrize("own_way", [True, False])
def test_calls_are_made_counted_kept_and_repeated(own_way, tmp_path):
    with FakeServer(Talks(own_way)) as server:
        case = Talking(tmp_path / "a.sqlite", server.url, TALKING)
        stop = iter(range(10**6))
        case.go(40, stopping=lambda: next(stop) > 12)  # stopped and resumed on the way
        assert case.go(40) is Ending.BUDGET
    requests = accounted(case.lines("request", "reply", "ask", "turned_down", "evaluation"))
    calls = case.lines("call")
    told = Counter(c["call"] for c in calls)
    assert told["table(P = 4)"] >= 5 and told["fit(E + A*N**-a; loss=huber)"] >= 5
    evaluations = len(case.lines("evaluation"))
    assert 40 <= evaluations + len(calls) <= 42, "a call counts as an evaluation"
    purposes = Counter(r["purpose"] for r in requests.values())
    assert purposes["turn"] >= 10
    last = next(r for r in requests.values() if r["purpose"] == "turn" and len(r["messages"]) == 6)
    assert "result of fit(E + A*N**-a; loss=huber)" in last["messages"][-1][1]
    assert "Answer now." in last["messages"][-1][1]
    again = Talking(tmp_path / "b.sqlite", server.url, TALKING)
    again.go(40, recorded=case.path)
    assert again.text() == case.text()


def test_the_budget_ends_talks_too(tmp_path):
    with FakeServer(Talks(False)) as server:
        case = Talking(tmp_path / "a.sqlite", server.url, replace(TALKING, max_tokens=60_000))
        assert case.go(500) is Ending.BUDGET
    accounted(case.lines("request", "reply", "ask", "turned_down", "evaluation"))
    assert case.ledger.tokens_in + case.ledger.tokens_out <= 60_000


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("CALL: fit(E + A*(N + s)**-a)", Call("fit", "E + A*(N + s)**-a")),
        ("Let me see.\n`CALL: table(N >= 1e9, group = a)`", Call("table", "N >= 1e9, group = a")),
        ("**CALL:** residuals(E + A*N; N)", Call("residuals", "E + A*N; N")),
        ("CALL: python\n```python\nprint(y.mean())\n```", Call("python", "print(y.mean())\n")),
        ("<think>CALL: fit(N)</think>LAW: E + A*N**-a", None),
        ("CALL: fit(E)\nLAW: E + A*N**-a", None),
        ("LAW: E + A*N**-a", None),
    ],
)
def test_a_call_is_told_from_an_answer(text, call):
    assert call_in(text) == call


def test_calls_see_training_rows_through_the_sandbox():
    task = toy_task()
    with LocalSandbox(workers=1) as sandbox:
        run = staged_evaluation(Evaluator(sandbox), task, Assignment.of(task).folds).tool
        fitted = run(Call("fit", "E + A*N**-a*P**-b"))
        assert "on hidden rows" in fitted and "stack: c0=" in fitted
        assert "error: " in run(Call("fit", "E + A*Q**-a")) and "foo" in run(Call("foo"))
        assert "along N" in run(Call("residuals", "E + A*P; N"))
        table = run(Call("table", "P = 4, group = stack"))
        assert table.startswith("4 of 4 rows:") and "pile" not in table
        assert "no column" in run(Call("table", "Q > 1"))
        said = run(Call("python", "print(len(X), round(float(y.mean()), 3))"))
        assert said.count("12 ") == 2, "the rows of each group"
        assert "ZeroDivisionError" in run(Call("python", "1/0"))
        assert "failed" in run(Call("python", "open('/etc/hostname').read()"))
        many = staged_evaluation(Evaluator(sandbox), family_task("domain_mixture"), ()).tool
        assert "32" in many(Call("python", "print(len(X))"))


def test_a_hint_enters_the_next_prompts_and_the_journal(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with FakeServer(Variants()) as server:
        case = Case(folder / "j.sqlite", server.url, replace(QUICK, in_flight=1))
        case.go(6)
        write_hint(folder, "The floor depends on P.")
        case.go(12)
        write_hint(folder, "")
        assert read_hint(folder) == ""
        case.go(16)
    lines = case.lines("request", "hint")
    at = [i for i, e in enumerate(lines) if e["kind"] == "hint"]
    assert [lines[i]["text"] for i in at] == ["The floor depends on P.", ""]
    told = ["The floor depends on P." in e["messages"][1][1] for e in lines if e["kind"] == "request"]
    assert not any(told[: at[0]]) and all(told[at[0] : at[1] - 1]) and not any(told[at[1] - 1 :])
    again = Case(tmp_path / "again.sqlite", server.url, replace(QUICK, in_flight=1))
    again.go(16, recorded=case.path)
    assert again.text() == case.text()


def test_a_hint_for_no_run_gets_one_line(tmp_path, capsys):
    assert hint(["nowhere", "text", "--out", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def parents_of(case):
    """Of each proposal, in order: its parent, kind and others shown, which are open then, errors scored by then."""
    errors, open_now = {}, {}
    for e in case.lines("request", "evaluation", "turned_down"):
        if e["kind"] == "evaluation":
            open_now.pop(e["candidate"]["id"], None)
            if e["status"] == "scored":
                errors[e["candidate"]["id"]] = e["validation_error"]
        elif e["kind"] == "turned_down":
            open_now.pop(e.get("id") or e["candidate"], None)
        elif e["purpose"] == "propose":
            key = (e["plan"]["parent"], e["operator"])
            yield key, tuple(e["plan"]["shown"]), set(open_now.values()), dict(errors)
            open_now[e["plan"]["id"]] = key


def test_open_prompts_differ(tmp_path):
    with FakeServer(Variants(delay_s=0.02)) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, in_flight=6))
        case.go(60)
    asked = list(parents_of(case))
    for key, _, open_now, _ in asked:
        assert key not in open_now, "no two open prompts of one kind about one parent"
    shown = [shown for _, shown, _, _ in asked]
    assert len(set(shown)) > len(shown) / 4


def test_parents_are_good_ones(tmp_path):
    """One request at a time and one worker, so that a busy machine changes little: nine in ten here, four in ten at random."""
    with FakeServer(Variants()) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, in_flight=1))
        case.go(80, workers=1)
    ranks = [
        sum(v < errors[parent] for v in errors.values()) / len(errors)
        for (parent, _), _, _, errors in parents_of(case)
        if len(errors) >= 10
    ]
    assert sum(r <= 0.34 for r in ranks) > 0.6 * len(ranks), "most parents are of the best third"


def test_a_resume_asks_for_nothing_it_cannot_use(tmp_path):
    """Stopped with requests in flight, then resumed with less left to spend: nothing is sent for nothing."""
    with FakeServer(Variants(delay_s=0.3)) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, in_flight=4))
        case.go(30, stopping=lambda: len(server.requests) > 3)
        waiting = len(case.lines("request")) - len(case.lines("reply"))
        assert waiting >= 2
        n, evaluations = len(server.requests), len(case.lines("evaluation"))
        case.go(evaluations)
        assert len(server.requests) == n, "no evaluation is left, so no reply is worth its price"
        accounted(case.lines("request", "reply", "ask", "turned_down", "evaluation"))
        assert Counter(e["status"] for e in case.lines("reply"))["not_sent"] == waiting
        poor = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, in_flight=4, max_tokens=1))
        poor.go(60)
        assert len(server.requests) == n


def test_what_is_tried_often_and_what_helped_is_told_of_free_programs_too(tmp_path):
    with FakeServer(Variants()) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, reflect_every=20))
        case.go(45)
    memos = [e for e in case.lines("request") if e["purpose"] == "memo"]
    text = memos[-1]["messages"][1][1]
    assert "Changes that helped\n\n- " in text and " became " in text
    assert "(nothing yet)" not in text.partition("# Changes that helped")[2].partition("# What has failed")[0]

"""The loop with models: accounts, budgets, resuming, repeating, endpoints that fail. The score is made up."""

import json
import threading
from collections import Counter
from dataclasses import replace

import pytest
from fake_server import FakeServer, Step, completion, error
from in_flight_cases import KEY, PRICED, QUICK, Case, accounted, made_up
from scripted_models import LAWS, Unreliable, Variants, fenced

from harness.errors import BadRun
from harness.proposers.llm.models import Models
from harness.proposers.llm.request import Request
from harness.proposers.llm.settings import ModelConfig
from harness.search.ending import Ending


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("harness.proposers.llm.endpoint.FIRST_WAIT_S", 0.01)


@pytest.mark.parametrize("proposer", ["llm", "mixed"])
def test_bad_replies_lose_no_candidate(proposer, tmp_path):
    settings = replace(QUICK, read_timeout_s=0.4, deadline_s=3.0, breaker_failures=50, reflect_every=15)
    with FakeServer(Unreliable(Variants(), one_in=2)) as server:
        case = Case(tmp_path / "j.sqlite", server.url, settings, proposer)
        assert case.go(40) is Ending.BUDGET
    requests = accounted(case.lines("request", "reply", "ask", "turned_down", "evaluation"))
    assert len(case.lines("evaluation")) == 40
    purposes = Counter(r["purpose"] for r in requests.values())
    assert purposes["propose"] > 5
    if proposer == "llm":
        seen = {status for r in case.lines("reply") for status in [r["status"], *r["attempts"]]}
        assert len(seen) >= 8, seen
        assert purposes["repair"] >= 2 and purposes["memo"] >= 2
        reasons = {e["reason"] for e in case.lines("turned_down")}
        assert "length" in reasons, reasons
    makers = Counter(e["candidate"]["proposer"] for e in case.lines("evaluation"))
    assert (makers["formula"] > 0) is (proposer == "mixed")
    assert KEY not in case.text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_proposals_with_one_reply_in_four_odd(tmp_path):
    """The same as above at full length, within limits of tokens and evaluations, and repeated from its journal."""
    settings = replace(
        QUICK, deadline_s=5.0, breaker_failures=30, reflect_every=60, max_tokens=5_000_000, inspirations=1
    )
    with FakeServer(Unreliable(Variants(), one_in=4)) as server:
        case = Case(tmp_path / "j.sqlite", server.url, settings)
        assert case.go(1000, minutes=12) is Ending.BUDGET
        n_calls = len(server.requests)
    requests = accounted(case.lines("request", "reply", "ask", "turned_down", "evaluation"))
    assert len(case.lines("evaluation")) == 1000
    replies = case.lines("reply")
    tries = sum(1 + len(r["attempts"]) + len(r["refused"]) for r in replies)
    timeouts = sum([r["status"], *r["attempts"]].count("timeout") for r in replies)
    assert tries - timeouts <= n_calls <= tries, "a try that timed out may not have come to the server"
    assert len([r for r in requests.values() if r["purpose"] == "propose"]) >= 1000
    seen = {status for r in replies for status in [r["status"], *r["attempts"]]}
    assert len(seen) >= 10, seen
    spent = case.ledger.tokens_in + case.ledger.tokens_out
    assert 1000 * len([r for r in replies if r["status"] == "ok"]) <= spent <= settings.max_tokens
    again = Case(tmp_path / "again.sqlite", server.url, settings)
    again.go(1000, recorded=case.path)
    assert again.text() == case.text()


@pytest.mark.parametrize("proposer", ["llm", "mixed"])
def test_a_recorded_run_is_repeated_with_no_server_there(proposer, tmp_path):
    settings = replace(QUICK, reflect_every=10, read_timeout_s=0.3)
    with FakeServer(Unreliable(Variants(delay_s=0.02), one_in=3)) as server:
        first = Case(tmp_path / "a.sqlite", server.url, settings, proposer)
        stop = iter(range(10**6))
        first.go(50, stopping=lambda: next(stop) > 25)  # stopped and resumed on the way
        first.go(50)
    again = Case(tmp_path / "b.sqlite", server.url, settings, proposer)
    again.go(50, recorded=first.path)
    assert again.text() == first.text()
    assert again.ledger.facts() == first.ledger.facts()
    kinds = Counter(json.loads(line).get("kind") for line in first.text().splitlines())
    assert kinds["evaluation"] == 50 and kinds["reply"] > 10
    other = Case(tmp_path / "c.sqlite", server.url, replace(settings, inspirations=0), proposer)
    with pytest.raises(BadRun, match="differs at entry"):
        other.go(50, recorded=first.path)


def test_stopped_anywhere_no_stored_reply_is_asked_for_again(tmp_path):
    """The journal is cut after every entry in turn, as a kill would leave it, and the run goes on from there."""
    with FakeServer(Unreliable(Variants(), one_in=4)) as server:
        settings = replace(QUICK, in_flight=3, reflect_every=6, read_timeout_s=0.3, breaker_failures=50)
        whole = Case(tmp_path / "whole.sqlite", server.url, settings, "mixed")
        whole.go(12)
        n_entries = len(whole.lines("ask", "request", "reply", "turned_down", "evaluation"))
        for keep in range(1, n_entries, 9):
            part = Case(tmp_path / f"{keep}.sqlite", server.url, settings, "mixed")
            part.path.write_bytes(whole.path.read_bytes())
            cut_after(part.path, keep)
            stored = {e["request"] for e in part.lines("reply")}
            waiting = [e for e in part.lines("request") if e["number"] not in stored]
            before = len(server.requests)
            part.go(12)
            accounted(part.lines("ask", "request", "reply", "turned_down", "evaluation"))
            assert len(part.lines("evaluation")) == 12
            kept = {json.dumps(e["messages"]) for e in part.lines("request") if e["number"] in stored}
            open_again = {json.dumps(e["messages"]) for e in waiting}
            asked = [
                json.dumps([[m["role"], m["content"]] for m in b["messages"]]) for b in server.bodies[before:]
            ]
            assert not (set(asked) & kept) - open_again, (
                f"cut after {keep}: a stored reply was asked for again"
            )
            assert open_again <= set(asked)


def cut_after(path, keep):
    import sqlite3

    db = sqlite3.connect(path)
    with db:
        db.execute("DELETE FROM entries WHERE seq > ?", (keep,))
        # a kill leaves the head at the last row that was written
        db.execute(
            "UPDATE head SET entries = ?, hash = (SELECT hash FROM entries WHERE seq = ?)", (keep, keep)
        )
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def test_formula_goes_on_while_the_endpoint_is_down(tmp_path):
    with FakeServer([error(500, "down")]) as server:
        case = Case(
            tmp_path / "j.sqlite", server.url, replace(QUICK, attempts=1, breaker_failures=2), "mixed"
        )
        assert case.go(40) is Ending.BUDGET
    assert any("formulas go on" in line and "HTTP 500: down" in line for line in case.said)
    makers = Counter(e["candidate"]["proposer"] for e in case.lines("evaluation"))
    assert makers["formula"] >= 30 and makers["llm"] == 0
    accounted(case.lines("ask", "request", "reply", "turned_down", "evaluation"))


def test_an_endpoint_that_comes_back_ends_the_pause(tmp_path):
    good, n = Variants(), []

    def model(body):
        n.append(1)
        return error(500, "down") if len(n) <= 4 else good(body)

    with FakeServer(model) as server:
        case = Case(
            tmp_path / "j.sqlite", server.url, replace(QUICK, attempts=1, breaker_failures=2, in_flight=2)
        )
        assert case.go(12) is Ending.BUDGET
    assert [line.split(",")[0] for line in case.said] == [
        "paused",
        "an endpoint answers again; the search goes on",
    ]


def test_html_for_ever_pauses_until_the_minutes_are_over(tmp_path):
    with FakeServer([Step(body=b"<html>login</html>", headers={"Content-Type": "text/html"})]) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, attempts=1, breaker_failures=2))
        assert case.go(12, minutes=0.02) is Ending.BUDGET
    assert "paused" in case.said[0] and "got HTML" in case.said[0]


def test_a_wrong_key_stops_with_a_message_that_does_not_tell_it(tmp_path):
    with FakeServer([error(401, f"Incorrect API key provided: {KEY}")]) as server:
        case = Case(tmp_path / "j.sqlite", server.url)
        assert case.go(12) is Ending.INTERRUPTED
        assert case.go(12) is Ending.INTERRUPTED, "and again when it goes on"
    assert "no model can be asked any more" in case.said[-1] and "[key]" in case.said[-1]
    assert KEY not in case.text() + "".join(case.said)


@pytest.mark.parametrize(("limit", "resumed"), [({"max_cost": 0.12}, True), ({"max_tokens": 60_000}, False)])
def test_money_and_tokens_are_never_overspent(limit, resumed, tmp_path):
    with FakeServer(Variants()) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, **limit))
        if resumed:
            stop = iter(range(10**6))
            case.go(500, stopping=lambda: next(stop) > 30)
        assert case.go(500) is Ending.BUDGET
    assert "the budget of the models is spent" in case.said[-1]
    replies = case.lines("reply")
    assert case.ledger.requests == len(replies)
    assert 0 < case.ledger.cost == pytest.approx(sum(r["cost"] for r in replies))
    assert case.ledger.cost <= limit.get("max_cost", 99)
    tokens = case.ledger.tokens_in + case.ledger.tokens_out
    assert tokens == 1000 * len(replies)
    assert tokens <= limit.get("max_tokens", 10**9)
    accounted(case.lines("ask", "request", "reply", "turned_down", "evaluation"))


def test_bad_replies_do_not_overspend_either(tmp_path):
    settings = replace(QUICK, max_tokens=60_000, read_timeout_s=0.3, deadline_s=2.0, breaker_failures=50)
    with FakeServer(Unreliable(Variants(), one_in=2)) as server:
        case = Case(tmp_path / "j.sqlite", server.url, settings)
        assert case.go(500) is Ending.BUDGET
    assert case.ledger.estimated > 0
    assert 30_000 < case.ledger.tokens_in + case.ledger.tokens_out <= 60_000
    accounted(case.lines("ask", "request", "reply", "turned_down", "evaluation"))


def test_in_mixed_the_formula_goes_on_when_the_money_is_spent(tmp_path):
    with FakeServer(Variants()) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, max_tokens=20_000), "mixed")
        assert case.go(40) is Ending.BUDGET
    assert len(case.lines("evaluation")) == 40
    assert case.ledger.tokens_in + case.ledger.tokens_out <= 20_000


@pytest.mark.parametrize(
    "model", [lambda body: completion(fenced(LAWS[0])), lambda body: completion("", finish="length"), lambda body: completion("Hm.")]
)  # fmt: skip
def test_a_model_that_leads_nowhere_is_given_up(model, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.run.in_flight.live.MOST_REJECTED", 5)
    with FakeServer(model) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, in_flight=2))
        assert case.go(500) is Ending.EXHAUSTED
        assert "gave no new program" in case.said[-1]
        accounted(case.lines("ask", "request", "reply", "turned_down", "evaluation"))
        assert len(server.requests) < 60
        mixed = Case(tmp_path / "m.sqlite", server.url, replace(QUICK, in_flight=6), "mixed")
        assert mixed.go(34) is Ending.BUDGET  # answers that wait to be mended hold no evaluations back


def test_programs_that_predict_alike_are_turned_down(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.run.in_flight.live.MOST_REJECTED", 5)

    def alike(program, twin_of):
        return made_up("always the same", twin_of)

    with FakeServer(Variants()) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, in_flight=2))
        assert case.go(500, evaluate=alike) is Ending.EXHAUSTED
    reasons = Counter(e["reason"] for e in case.lines("turned_down"))
    assert reasons["same predictions"] >= 5
    accounted(case.lines("ask", "request", "reply", "turned_down", "evaluation"))


def test_the_cache_answers_identical_requests(tmp_path):
    settings = replace(QUICK, in_flight=1, cache=str(tmp_path / "cache.sqlite"))
    with FakeServer(Variants()) as server:
        first = Case(tmp_path / "a.sqlite", server.url, settings)
        first.go(15, workers=1)
        n = len(server.requests)
        assert first.ledger.cached == 0
        again = [Request.of(e) for e in first.lines("request")]
        replies = {e["request"]: e for e in first.lines("reply")}
        for _ in range(2):  # two later runs
            models = Models(first.accesses, settings)
            for request in again:
                reply = models.send(request, 5.0).result(10)
                assert reply.cached and reply.text == replies[request.number]["text"]
            models.close()
        assert len(server.requests) == n
        second = Case(tmp_path / "b.sqlite", server.url, settings)
        second.go(15, workers=1)
        asked = second.ledger.requests - second.ledger.cached
        assert len(server.requests) - n == asked, "what the cache has is not asked for"
    tokens = second.ledger.tokens_in + second.ledger.tokens_out
    assert tokens == 1000 * asked, "what the cache has costs nothing"
    assert KEY.encode() not in (tmp_path / "cache.sqlite").read_bytes()


def test_several_models_share_the_work_by_gain_and_cost(tmp_path):
    wise = Variants()

    def model(body):
        return wise(body) if body["model"] == "wise" else completion("I am not sure what you mean.")

    models = (
        replace(PRICED, model="vague"),
        ModelConfig("wise", price_in=1.0, price_out=2.0, temperature=None),
    )
    with FakeServer(model) as server:
        case = Case(
            tmp_path / "j.sqlite", server.url, replace(QUICK, models=models, in_flight=3, repair=False)
        )
        case.go(60)
    counts = Counter(e["model"] for e in case.lines("request"))
    assert counts["wise"] > 1.5 * counts["vague"] > 0
    sent = {b["model"]: "temperature" in b for b in server.bodies}
    assert sent == {"vague": True, "wise": False}


def test_refused_parameters_are_remembered_over_a_resume(tmp_path):
    good = Variants()

    def model(body):
        if "temperature" in body:
            return error(400, "Unsupported value: 'temperature'", "unsupported_value", "temperature")
        return good(body)

    with FakeServer(model) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, in_flight=1))
        case.go(6)
        refusals = sum("temperature" in b for b in server.bodies)
        assert refusals == 1
        case.go(12)
        assert sum("temperature" in b for b in server.bodies) == 1
    assert any("temperature: left out" in line for line in case.said)


def test_requests_in_flight_stay_within_their_limits(tmp_path):
    models = (replace(PRICED, model="narrow", in_flight=1), replace(PRICED, model="wide", in_flight=3))
    busy, most, lock = Counter(), Counter(), threading.Lock()
    good = Variants()

    def model(body):
        with lock:
            busy[body["model"]] += 1
            most[body["model"]] = max(most[body["model"]], busy[body["model"]])
        step = good(body)
        with lock:
            busy[body["model"]] -= 1
        # Slow until three were in flight, so that a busy machine gets there too.
        return replace(step, delay_s=0.03 if server.most_at_once >= 3 else 0.7)

    with FakeServer(model) as server:
        case = Case(tmp_path / "j.sqlite", server.url, replace(QUICK, models=models, in_flight=4))
        case.go(40)
    assert server.most_at_once <= 4
    assert server.most_at_once >= 3

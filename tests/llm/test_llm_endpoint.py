"""One endpoint against a server that does everything wrong: real client, real sockets."""

import json
import threading
import time

import pytest
from fake_server import FakeServer, Step, completion, cut, endless, error, events, html, trickle

from harness.proposers.llm.endpoint import Endpoint
from harness.proposers.llm.reply import Status
from harness.proposers.llm.settings import Access, LlmConfig, ModelConfig

KEY = "sk-secret-0123456789"
QUICK = LlmConfig(deadline_s=3.0, read_timeout_s=0.5, attempts=3, retry_after_cap_s=0.2, breaker_pause_s=0.2)
SENT = {"temperature": 0.8, "max_tokens": 99}
GOOD = completion("fine")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("harness.proposers.llm.endpoint.FIRST_WAIT_S", 0.01)


MADE = []


@pytest.fixture(autouse=True)
def closed():
    yield
    while MADE:
        MADE.pop().close()


def endpoint_of(url, settings=QUICK, key=KEY):
    MADE.append(Endpoint(Access(ModelConfig("m"), url, key), settings))
    return MADE[-1]


def ask(steps, settings=QUICK, stream=False, deadline_s=None):
    with FakeServer(steps) as server:
        endpoint = endpoint_of(server.url, settings)
        reply = endpoint.complete(
            "m", [{"role": "user", "content": "hello"}], SENT, stream, deadline_s or settings.deadline_s
        )
        return reply, server, endpoint


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (error(429, "slow down", Retry_After="120"), "rate_limit"),
        (error(429, "slow down", retry_after_ms="20"), "rate_limit"),
        (error(500, "oops"), "server_error"),
        (error(529, "overloaded"), "server_error"),
        (Step(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}), "server_error"),
        (Step(503, b""), "server_error"),
        (Step(reset=True), "connection"),
        (cut(GOOD), "cut"),
        (cut(GOOD, reset=True), "cut"),
        (Step(body=GOOD.body[:80]), "not_json"),
        (Step(body=b"[1, 2]"), "not_json"),
        (Step(body=b""), "not_json"),
        (html(), "html"),
        (completion(None), "empty"),
        (completion("  "), "empty"),
        (Step(body=b'{"choices": null}'), "empty"),
        (Step(body=b'{"error": {"message": "inner trouble"}}'), "server_error"),
        (completion("half", finish="network_error"), "cut"),
        (completion("half", finish="who_knows"), "cut"),
        (events("half a stream", finish=None, done=False), "cut"),
        (events("half a stream", finish=None, done=True), "cut"),
        (completion("late", delay_s=1.0), "timeout"),
    ],
)  # fmt: skip
def test_passing_trouble_is_tried_again(bad, status):
    reply, server, _ = ask([bad, GOOD])
    assert reply.status is Status.OK and reply.text == "fine"
    assert reply.attempts == (status,)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (completion("cut code", finish="length"), Status.LENGTH),
        (completion("", finish="content_filter"), Status.WITHHELD),
        (Step(body=b'{"choices": []}'), Status.WITHHELD),
        (error(429, "You exceeded your current quota", "insufficient_quota"), Status.QUOTA),
        (error(401, f"Incorrect API key provided: {KEY}", "invalid_api_key"), Status.AUTH),
        (error(403, "no"), Status.AUTH),
        (error(404, "no such model", "model_not_found"), Status.NOT_FOUND),
        (error(400, "maximum context length is 8 tokens", "context_length_exceeded"), Status.CONTEXT),
        (error(400, "messages must alternate"), Status.BAD_REQUEST),
        (endless(), Status.TOO_LONG),
    ],
)
def test_what_no_second_try_can_mend_is_asked_once(bad, status):
    reply, server, _ = ask([bad, GOOD])
    assert reply.status is status
    assert reply.detail and KEY not in repr(reply)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "bad", [trickle(GOOD, 0.05), endless(gap_s=0.05), trickle(error(500, "slow error " * 20), 0.05)]
)
def test_a_trickle_ends_at_the_deadline(bad):
    start = time.monotonic()
    reply, _, _ = ask([bad], deadline_s=0.6)
    assert reply.status is Status.TIMEOUT
    assert time.monotonic() - start < 10, "a trickle of 200 pieces takes longer than that to end by itself"


def test_a_long_retry_after_is_capped_and_holds_others_back():
    start = time.monotonic()
    reply, server, _ = ask([error(429, "slow", Retry_After="3600"), GOOD])
    assert reply.ok and time.monotonic() - start < 30
    waits = [b - a for (a, _, _), (b, _, _) in zip(server.requests, server.requests[1:], strict=False)]
    assert waits[0] >= 0.2, "the wait asked for, up to the cap"


@pytest.mark.parametrize("stream", [False, True])
def test_streams_and_bodies_are_told_apart_by_what_came(stream):
    for step in (events("all of it"), completion("all of it")):
        reply, server, _ = ask([step], stream=stream)
        assert reply.ok and reply.text == "all of it"
        assert (reply.tokens_in, reply.tokens_out) == (700, 300)
        assert server.bodies[0].get("stream", False) is stream
        assert ("stream_options" in server.bodies[0]) is stream, "a stream counts its tokens when asked to"


@pytest.mark.parametrize(
    "step",
    [completion("half \ud800 a pair"), error(400, "half \udfff a pair"), completion("x", finish="\ud800")],
)
def test_what_comes_can_be_written_to_a_file(step):
    reply, _, _ = ask([step])
    json.dumps(reply.facts(), ensure_ascii=False).encode("utf-8")
    assert "half ? a pair" in reply.text + reply.detail or "?" in reply.finish


def test_parts_of_a_content_are_joined():
    reply, _, _ = ask([completion([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}])])
    assert reply.text == "one two"


def picky(body):
    """Refuses temperature, max_tokens and stream, one after another, as reasoning models do."""
    for name, hint in (
        ("temperature", ""),
        ("max_tokens", " Use 'max_completion_tokens' instead."),
        ("stream", ""),
    ):
        if name in body:
            param = name if name != "stream" else None
            return error(
                400,
                f"Unsupported parameter: '{name}' is not supported with this model.{hint}",
                "unsupported_parameter",
                param,
            )
    return GOOD


def test_refused_parameters_are_learned_once():
    with FakeServer(picky) as server:
        endpoint = endpoint_of(server.url)
        first = endpoint.complete("m", [{"role": "user", "content": "x"}], SENT, True, 3.0)
        assert first.ok and first.attempts == ()
        assert first.refused == (
            "temperature: left out",
            "max_tokens: sent as max_completion_tokens",
            "stream: left out",
        )
        n = len(server.requests)
        assert endpoint.complete("m", [{"role": "user", "content": "x"}], SENT, True, 3.0).refused == ()
        assert len(server.requests) == n + 1
        assert server.bodies[-1]["max_completion_tokens"] == 99
        fresh = endpoint_of(server.url)
        fresh.remember("m", first.refused)
        assert fresh.learned("m") == endpoint.learned("m")
        assert not {"stream", "stream_options", "temperature"} & set(server.bodies[-1])


def test_tokens_of_every_paid_attempt_count():
    reply, _, _ = ask([completion("  ", usage=(10, 5)), completion("fine", usage=(10, 7))])
    assert (reply.tokens_in, reply.tokens_out, reply.earlier) == (10, 7, (10, 5, 0))
    reply, _, _ = ask([cut(GOOD), completion("fine", usage=(10, 7))])
    assert (reply.tokens_in, reply.earlier) == (10, (0, 0, 1)), "a reply that broke off may have been paid"


def test_the_breaker_opens_probes_and_closes():
    down = threading.Event()
    down.set()
    with FakeServer(lambda body: error(500, "down") if down.is_set() else GOOD) as server:
        settings = LlmConfig(deadline_s=3.0, attempts=1, breaker_failures=3, breaker_pause_s=0.3)
        endpoint = endpoint_of(server.url, settings)

        def once():
            return endpoint.complete("m", [{"role": "user", "content": "x"}], {}, False, 3.0)

        for _ in range(2):
            once()
        assert endpoint.ready("m") and not endpoint.broken
        once()
        assert endpoint.broken and not endpoint.ready("m")
        assert "down" in endpoint.trouble
        first = endpoint.seconds_closed()
        assert first > 0
        time.sleep(first + 0.05)
        assert endpoint.ready("m")
        once()
        assert endpoint.seconds_closed() > 0.3, "the second pause is longer"
        time.sleep(endpoint.seconds_closed() + 0.05)
        down.clear()
        assert once().ok
        assert endpoint.ready("m") and not endpoint.broken


def test_a_key_that_is_refused_twice_closes_the_model_for_good():
    with FakeServer([error(401, f"bad key {KEY}")]) as server:
        endpoint = endpoint_of(server.url)
        for _ in range(2):
            assert (
                endpoint.complete("m", [{"role": "user", "content": "x"}], {}, False, 3.0).status
                is Status.AUTH
            )
        assert not endpoint.ready("m")
        assert "auth" in endpoint.fatal("m") and KEY not in endpoint.fatal("m")


def test_nobody_there_is_a_connection_failure():
    with FakeServer([GOOD]) as server:
        url = server.url
    endpoint = endpoint_of(url, key=None)
    reply = endpoint.complete("m", [{"role": "user", "content": "x"}], {}, False, 2.0)
    assert reply.status is Status.CONNECTION and "127.0.0.1" in reply.detail

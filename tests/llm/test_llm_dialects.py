"""Every dialect of endpoints against a real local server, and the table of them in the docs.

After a wanted change: `python tests/llm/test_llm_dialects.py` writes the table in docs/llm.md anew.
"""

import json
import os
import ssl
import subprocess
import sys
import threading
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pytest
from dialects import DIALECTS, LAW, Dialect
from fake_server import FakeServer, Step, completion
from in_flight_cases import SEED_PROGRAM, toy_task

from harness.proposers.facts import TaskFacts
from harness.proposers.llm.answers import Answers
from harness.proposers.llm.edits import Unusable
from harness.proposers.llm.endpoint import Endpoint
from harness.proposers.llm.ledger import Ledger
from harness.proposers.llm.settings import LlmConfig, ModelConfig, accesses

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "llm.md"
BEGIN, END = "<!-- dialects: made by tests/llm/test_llm_dialects.py -->", "<!-- end of dialects -->"
SECRET = "header-secret-0815"
KEY = "sk-secret-0123456789"
QUICK = {"deadline_s": 20.0, "read_timeout_s": 5.0, "retry_after_cap_s": 3.0, "breaker_pause_s": 0.2}
MESSAGES = [
    {"role": "system", "content": "You discover laws."},
    {"role": "user", "content": "A law, please."},
]


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setattr("harness.proposers.llm.endpoint.FIRST_WAIT_S", 0.01)
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("SSL_CERT", "OPENAI")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DIALECT_KEY", SECRET)
    monkeypatch.setenv("THE_KEY", KEY)


def endpoint_at(url, **settings):
    model = ModelConfig("m", base_url=url, api_key_env="THE_KEY", **settings)
    (access,) = accesses(LlmConfig(models=(model,), **QUICK))
    return Endpoint(access, LlmConfig(**QUICK)), model


class WithoutV1(FakeServer):
    """Knows chat completions under /v1 alone."""

    def __init__(self):
        self.paths = []
        super().__init__(lambda body: completion(LAW))

    def _answer(self, handler, step):
        self.paths.append(handler.path)
        found = handler.path == "/v1/chat/completions"
        super()._answer(handler, step if found else Step(404, b'{"detail": "Not Found"}'))


@pytest.mark.parametrize("d", DIALECTS, ids=lambda d: d.name)
def test_a_dialect_ends_in_the_right_outcome(d: Dialect):
    server = WithoutV1() if d.suffix == "" else FakeServer(d.script)
    with server:
        endpoint, model = endpoint_at(server.url.removesuffix("/v1") + d.suffix, **d.settings)
        with endpoint:
            first = endpoint.complete("m", MESSAGES, model.sent(), model.stream, 20.0)
            n = len(server.requests)
            second = endpoint.complete("m", MESSAGES, model.sent(), model.stream, 20.0)
    calls = (n, len(server.requests) - n)
    assert first.status is d.status, first
    assert calls == d.calls, "asked as often as needed, and what was learned is not paid for again"
    assert first.refused == d.learned and second.refused == (), "told once"
    if d.waits_s:
        (a, _, _), (b, _, _) = server.requests[:2]
        assert d.waits_s[0] <= b - a <= d.waits_s[1]
    task = toy_task()
    made = Answers(TaskFacts.of(task.spec, task.train), "toy").read(first.text, SEED_PROGRAM, "full by m")
    if d.law and first.ok:
        assert not isinstance(made, Unusable), made
        assert made.law == "c0 + c1*N**-a1" and "draft" not in made.program.lower()
    elif first.ok:
        assert isinstance(made, Unusable), "a draft inside thoughts is not evaluated"
    assert SECRET not in repr(first) and KEY not in repr(first)
    if d.learned:
        again, _ = endpoint_at("http://127.0.0.1:9/v1")
        again.remember("m", first.refused)
        assert again.learned("m") == list(d.learned), "and remembered over a resume"
        again.close()


def test_an_extra_header_is_sent_and_cached_tokens_have_their_price():
    row = next(d for d in DIALECTS if "cache" in d.name)
    with FakeServer(row.script) as server:
        endpoint, model = endpoint_at(server.url, headers={"api-key": "$DIALECT_KEY"}, **row.settings)
        with endpoint:
            reply = endpoint.complete("m", MESSAGES, model.sent(), False, 5.0)
    assert server.requests[0][1]["api-key"] == SECRET
    price = Ledger(LlmConfig(), {"m": model}).settle(0, "m", "prompt", reply)
    assert price.cost == pytest.approx((200 * 1.0 + 500 * 0.1) / 1e6)


def test_a_socks_proxy_in_the_environment_ends_in_one_line_or_in_no_proxy(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with FakeServer([completion(LAW)]) as server:
        endpoint, model = endpoint_at(server.url)
        with endpoint:
            assert endpoint.complete("m", MESSAGES, model.sent(), False, 5.0).ok, (
                "this machine needs no proxy"
            )
    try:
        import socksio  # noqa: F401
    except ImportError:
        from harness.errors import BadConfig

        with pytest.raises(BadConfig, match="SOCKS proxy"):
            endpoint_at("http://models.example/v1")


def test_a_certificate_of_its_own_is_trusted_when_told(tmp_path, monkeypatch):
    """A server whose certificate nobody signed: refused with what to do, then trusted by SSL_CERT_FILE."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-addext", "basicConstraints=critical,CA:TRUE"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("no openssl here")
    server = FakeServer([completion(LAW)])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    with server:
        url = f"https://127.0.0.1:{server.port}/v1"
        endpoint, model = endpoint_at(url)
        with endpoint:
            reply = endpoint.complete("m", MESSAGES, model.sent(), False, 3.0)
        assert reply.status.value == "connection" and "SSL_CERT_FILE" in reply.detail
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        endpoint, model = endpoint_at(url)
        with endpoint:
            assert endpoint.complete("m", MESSAGES, model.sent(), False, 5.0).ok


def test_what_two_requests_learn_at_once_is_told_once():
    refusal = json.dumps({"error": {"message": "no temperature", "param": "temperature"}}).encode()

    def script(body):
        return Step(400, refusal, delay_s=0.5) if "temperature" in body else completion(LAW)

    with FakeServer(script) as server:
        endpoint, model = endpoint_at(server.url)
        replies = []
        threads = [
            threading.Thread(
                target=lambda: replies.append(endpoint.complete("m", MESSAGES, model.sent(), False, 10.0))
            )
            for _ in range(2)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        endpoint.close()
    assert all(r.ok for r in replies)
    assert sorted(r.refused for r in replies) == [(), ("temperature: left out",)]


def table() -> str:
    """The table of the docs."""
    rows = ["| what an endpoint does | what comes of it | requests, first and later |", "|---|---|---|"]
    rows += [f"| {d.name} | {d.outcome} | {d.calls[0]}, {d.calls[1]} |" for d in DIALECTS]
    rows.append(
        "| a SOCKS proxy in the environment, without the package for it | one line; no proxy on this machine | |"
    )
    rows.append(
        "| a certificate of its own | one line that names `SSL_CERT_FILE`, which is followed | 1, 1 |"
    )
    return "\n".join(rows)


def test_the_docs_hold_the_table():
    text = DOCS.read_text(encoding="utf-8")
    held = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert held == table(), "run `python tests/llm/test_llm_dialects.py`"
    assert len(DIALECTS) >= 40


if __name__ == "__main__":
    text = DOCS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")

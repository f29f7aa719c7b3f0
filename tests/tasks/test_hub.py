"""The hub loader against a server on loopback that answers like the hub, and misbehaves like one."""

import io
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

import tasks
from tables import read_bytes
from tasks import hub
from tasks.official import PINS, Pin
from tasks.sldbench.moe import SPEC as MOE
from tasks.tables import rows_of


def frame(n, seed):
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(7, 9, n)
    return pd.DataFrame(
        {
            "num_experts": 2.0,
            "dense_parameter_count": size,
            "loss_validation": 10 * size**-0.1,
            "group": "all_data",
        }
    )


def parquet(table):
    out = io.BytesIO()
    table.to_parquet(out)
    return out.getvalue()


TABLES = {"train": frame(12, 0), "test": frame(5, 1)}
BODIES = {name: parquet(table) for name, table in TABLES.items()}


class FakeHub:
    """What the server sends, by path; a list of steps is used up one a request."""

    def __init__(self):
        self.requests = []
        self.steps = []

    def answer(self, handler):
        self.requests.append(handler.path)
        step = self.steps.pop(0) if self.steps else "good"
        split = "train" if "train-" in handler.path else "test"
        body = BODIES[split]
        if handler.path.startswith("/datasets/") and step in ("good", "tampered"):
            handler.send_response(302)
            handler.send_header("Location", f"/blob/{step}{handler.path}")
            handler.end_headers()
            return
        if isinstance(step, int):
            handler.send_response(step)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if step == "reset":
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        if "/blob/tampered" in handler.path:
            body = parquet(TABLES[split].assign(loss_validation=1.0))
        if step == "html":
            body = b"<html>sign in</html>"
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if step == "cut":
            handler.wfile.write(body[: len(body) // 2])
            return
        if step == "trickle":
            for byte in body[:200]:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(0.02)
        handler.wfile.write(body)


@contextmanager
def serving(fake):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with suppress(BrokenPipeError, ConnectionResetError):  # the client gave up, as some tests want
                fake.answer(self)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """A hub that holds rows pinned for this test, an empty cache, and no other source."""
    digests = tuple(rows_of(read_bytes(parquet(TABLES[s]), s), MOE).digest() for s in ("train", "test"))
    monkeypatch.setitem(PINS, "moe_scaling_law", Pin(12, 5, *digests))
    monkeypatch.setenv("SLD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path / "user"))
    for name in ("SLD_DATA_DIR", "SLD_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "PAUSE_S", 0.01)
    monkeypatch.setattr(hub, "_unreachable", set())
    fake = FakeHub()
    with serving(fake) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield fake


def test_rows_are_fetched_through_a_redirect_then_kept(fake):
    task = tasks.load("moe")
    assert task.provenance.kind == "hub"
    assert len(task.train) == 12 and len(task.heldout) == 5
    assert (
        fake.requests[0]
        == "/datasets/pkuHaowei/sldbench/resolve/main/moe_scaling_law/train-00000-of-00001.parquet"
    )
    asked = len(fake.requests)
    again = tasks.load("moe")
    assert again.provenance.kind == "cache"
    assert again.provenance.train_hash == task.provenance.train_hash
    assert len(fake.requests) == asked, "the cache needs no network"


@pytest.mark.parametrize("step", [429, 500, 503, "reset", "cut"])
def test_a_passing_fault_is_tried_again(fake, step):
    fake.steps = [step]
    assert tasks.load("moe").provenance.kind == "hub"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([404], "HTTP 404"),
        ([500] * 9, "HTTP 500"),
        (["cut"] * 9, "broken transfer"),
        (["html"] * 9, "a web page, no table"),
        (["tampered"] * 9, "not the pinned ones"),
    ],
    ids=["404", "500", "cut", "html", "tampered"],
)
def test_what_is_not_the_rows_is_refused_and_not_kept(fake, steps, message):
    fake.steps = list(steps)
    with pytest.raises(tasks.DataUnavailable, match=message):
        tasks.load("moe", data_dir="official")
    assert not list(hub.cache_dir().rglob("*.parquet"))


def test_a_slow_trickle_ends_at_the_total_deadline(fake, monkeypatch):
    monkeypatch.setattr(hub, "TOTAL_S", 0.5)
    fake.steps = ["trickle"] * 9
    with pytest.raises(tasks.DataUnavailable, match="moe_scaling_law"):
        tasks.load("moe", data_dir="official")


@pytest.mark.parametrize("damage", [b"", b"PAR1 half a file", None], ids=["empty", "torn", "tampered"])
def test_a_damaged_cache_is_noticed_and_fetched_again(fake, damage):
    tasks.load("moe")
    (path,) = hub.cache_dir().rglob("train.parquet")
    path.write_bytes(parquet(TABLES["train"].assign(loss_validation=0.5)) if damage is None else damage)
    assert tasks.load("moe").provenance.kind == "hub"
    assert tasks.load("moe").provenance.kind == "cache"


def test_nobody_there_is_asked_once_and_our_own_rows_are_used(monkeypatch, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("SLD_CACHE_DIR", str(tmp_path))
    for name in ("SLD_DATA_DIR", "SLD_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "_unreachable", set())
    assert tasks.load("finetune_vocab").provenance.kind == "nano"
    assert hub._unreachable == {f"http://127.0.0.1:{port}"}
    with pytest.raises(tasks.DataUnavailable, match="gave no answer a moment ago"):
        tasks.load("parallel")


def test_offline_asks_nobody(fake, monkeypatch):
    monkeypatch.setenv("SLD_OFFLINE", "1")
    with pytest.raises(tasks.DataUnavailable, match="hub: not asked"):
        tasks.load("moe", data_dir="official")
    assert fake.requests == []

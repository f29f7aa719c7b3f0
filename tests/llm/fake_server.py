"""A scripted endpoint on loopback: real sockets, and everything a server can do wrong.

A server is made with a function that sees each request's JSON body and returns a step, or with a list of steps.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Step:
    """One answer.

    Attributes:
        status, headers, body: of the answer.
        delay_s: before anything is sent.
        pieces: sent one by one instead of `body`, with `gap_s` between; may never end.
        claim: length that Content-Length claims, where it lies.
        reset: cut the connection with a reset, before the answer or after `body`.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    delay_s: float = 0.0
    pieces: Callable[[], Iterator[bytes]] | None = None
    gap_s: float = 0.0
    claim: int | None = None
    reset: bool = False


def completion(
    text: Any, finish: str | None = "stop", usage: tuple[int, int] | None = (700, 300), **more: Any
) -> Step:
    """A usual answer."""
    body = {
        "id": "x", "object": "chat.completion", "created": 0, "model": "fake",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
    }  # fmt: skip
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Step(body=json.dumps(body).encode(), **more)


def error(status: int, message: str, code: str = "", param: str | None = None, **headers: str) -> Step:
    """An error with OpenAI's body; headers as keywords with underscores."""
    value = {"error": {"message": message, "type": code, "code": code, "param": param}}
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return Step(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def events(
    text: str,
    finish: str | None = "stop",
    done: bool = True,
    chunk: int = 40,
    usage: bool = True,
    **more: Any,
) -> Step:
    """An answer as a stream of events."""

    def pieces() -> Iterator[bytes]:
        for i in range(0, len(text), chunk):
            yield _event({"choices": [{"index": 0, "delta": {"content": text[i : i + chunk]}}]})
        if finish:
            yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        if usage:
            yield _event({"choices": [], "usage": {"prompt_tokens": 700, "completion_tokens": 300}})
        if done:
            yield b"data: [DONE]\n\n"

    return Step(headers={"Content-Type": "text/event-stream"}, pieces=pieces, **more)


def endless(gap_s: float = 0.0) -> Step:
    """A stream that never ends."""

    def pieces() -> Iterator[bytes]:
        while True:
            yield _event({"choices": [{"index": 0, "delta": {"content": "and so on " * 50}}]})

    return Step(headers={"Content-Type": "text/event-stream"}, pieces=pieces, gap_s=gap_s)


def trickle(step: Step, gap_s: float, size: int = 1) -> Step:
    """The same answer, `size` bytes at a time."""
    body = step.body
    return Step(
        step.status,
        headers=step.headers,
        pieces=lambda: (body[i : i + size] for i in range(0, len(body), size)),
        gap_s=gap_s,
    )


def cut(step: Step, keep: int = 60, reset: bool = False) -> Step:
    """The answer's first bytes, then the end of the connection; its length was claimed whole."""
    return Step(step.status, step.body[:keep], step.headers, claim=len(step.body), reset=reset)


def html() -> Step:
    return Step(
        body=b"<!DOCTYPE html><html><body>Bad gateway</body></html>", headers={"Content-Type": "text/html"}
    )


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


class FakeServer:
    """Answers POST requests; `with FakeServer(script) as server: server.url`.

    Args:
        script: body of a request -> step, or steps in order (the last one repeats).

    Attributes:
        requests: (time, headers, body) of everything that came.
        most_at_once: requests in work at the same time, at most.
    """

    def __init__(self, script: Callable[[dict[str, Any]], Step] | list[Step]) -> None:
        self._script = script if callable(script) else None
        self._steps = [] if callable(script) else list(script)
        self._lock = threading.Lock()
        self._busy = 0
        self._stopping = threading.Event()
        self.most_at_once = 0
        self.requests: list[tuple[float, dict[str, str], dict[str, Any]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                step = server._next(dict(self.headers), body)
                try:
                    with contextlib.suppress(ConnectionError):
                        server._answer(self, step)
                finally:
                    with server._lock:
                        server._busy -= 1

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # clients hang up in the middle here, by design

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.requests]

    def _next(self, headers: dict[str, str], body: dict[str, Any]) -> Step:
        with self._lock:
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
            self.requests.append((time.monotonic(), headers, body))
            if self._script is not None:
                return self._script(body)
            return self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]

    def _answer(self, handler: BaseHTTPRequestHandler, step: Step) -> None:
        if step.delay_s:
            self._stopping.wait(step.delay_s)
        if step.reset and not step.body:
            return self._reset(handler)
        handler.send_response(step.status)
        for name, value in step.headers.items():
            handler.send_header(name, value)
        if step.pieces is None:
            handler.send_header("Content-Length", str(len(step.body) if step.claim is None else step.claim))
            handler.end_headers()
            handler.wfile.write(step.body)
            if step.claim is not None:
                handler.close_connection = True
            if step.reset:
                self._reset(handler)
            return None
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in step.pieces():
            if self._stopping.is_set():
                return None
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if step.gap_s:
                self._stopping.wait(step.gap_s)
        handler.wfile.write(b"0\r\n\r\n")
        return None

    @staticmethod
    def _reset(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        handler.connection.close()

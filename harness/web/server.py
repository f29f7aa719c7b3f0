"""Listening: the socket, the address that is printed, and the server around the app."""

from __future__ import annotations

import secrets
import socket
import threading
from pathlib import Path

import uvicorn

from harness.errors import HarnessError
from harness.web.app import make_app
from harness.web.guard import is_loopback

WARM_AFTER = 1.0
"""Seconds after which what the first drawing needs is loaded beside the first pages."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        HarnessError: the address can't be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.create_server((host, port), family=family)
    except OSError as error:
        raise HarnessError(
            f"can't listen on {host} port {port} ({error.strerror}); choose another with --port, or 0 for any"
        ) from error
    return sock


def serve(sock: socket.socket, host: str, root: Path, weak: bool = False) -> int:
    """Serve a runs folder until stopped; the exit code."""
    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    port = sock.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{port}/{f'?token={token}' if token else ''}", flush=True)
    threading.Timer(WARM_AFTER, _warm).start()
    config = uvicorn.Config(
        make_app(root, token, weak),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[sock])
    return 0


def _warm() -> None:
    """Load what the next pages need, in the order in which they are most often looked at, and draw once."""
    import harness.web.boards
    import harness.web.drawing

    harness.web.drawing.warm()

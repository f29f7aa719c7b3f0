"""The models a run may ask, over all their endpoints; sends requests from threads of their own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from pathlib import Path

from harness.proposers.llm.cache import Cache, request_key
from harness.proposers.llm.endpoint import Endpoint
from harness.proposers.llm.reply import Reply, Status
from harness.proposers.llm.request import Request
from harness.proposers.llm.settings import Access, LlmConfig

GRACE_S = 5.0
"""Beyond its deadline a request is given up even if its thread is stuck in a read."""


class Models:
    """Endpoints, one for each address and key, and what is in flight.

    Args:
        accesses: models with address and key.
        settings: deadlines and limits.
        clock: seconds, monotonic.
    """

    def __init__(
        self, accesses: list[Access], settings: LlmConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._clock = clock
        shared: dict[tuple[object, ...], Endpoint] = {}
        self._endpoint: dict[str, Endpoint] = {}
        self._limit: dict[str, int] = {}
        self._flying: dict[Future[Reply], tuple[str, float]] = {}
        self._cache = Cache(Path(settings.cache)) if settings.cache else None
        self._keys: dict[int, str] = {}
        for a in accesses:
            place = (a.base_url, a.key, *sorted(a.headers.items()))
            if place not in shared:
                shared[place] = Endpoint(a, settings, clock)
            self._endpoint[a.config.model] = shared[place]
            self._limit[a.config.model] = a.config.in_flight
        self._secrets = [s for a in accesses for s in a.secrets]

    def ready(self) -> list[str]:
        """Models that a request may be sent to now."""
        flying = [model for model, _ in self._flying.values()]
        return [m for m, e in self._endpoint.items() if e.ready(m) and flying.count(m) < self._limit[m]]

    def reachable(self) -> list[str]:
        """Models whose endpoint is not known to be down, busy ones among them."""
        return [m for m, e in self._endpoint.items() if e.fatal(m) is None and not e.broken]

    def lost(self) -> list[str]:
        """Why models won't be asked again, once all are lost; else empty."""
        reasons = [e.fatal(m) for m, e in self._endpoint.items()]
        return [r for r in reasons if r] if all(reasons) else []

    def trouble(self) -> str:
        """One line on endpoints that are left alone for now, "" when one works."""
        if self.reachable():
            return ""
        shut = {e.place: e for m, e in self._endpoint.items() if e.fatal(m) is None}
        waits = [e.seconds_closed() for e in shut.values()]
        told = "; ".join(f"{place}: {e.trouble}" for place, e in shut.items())
        return f"{told} (next try in {min(waits, default=0.0):.0f} s)"

    def remember(self, model: str, refused: tuple[str, ...]) -> None:
        """Parameters refused in an earlier session."""
        if model in self._endpoint:
            self._endpoint[model].remember(model, refused)

    def send(self, request: Request, deadline_s: float) -> Future[Reply]:
        """Ask in a thread of its own; the cache answers at once. The future has a reply, never an error."""
        future: Future[Reply] = Future()
        endpoint = self._endpoint.get(request.model)
        if endpoint is None:
            future.set_result(
                Reply(Status.NOT_FOUND, detail=f"model {request.model!r} is not listed any more")
            )
            return future
        if self._cache is not None:
            digest = request_key(endpoint.place, request.model, request.wire(), request.parameters)
            self._keys[request.number] = self._cache.key(digest)
            known = self._cache.get(self._keys[request.number])
            if known is not None:
                future.set_result(known)
                return future
        self._flying[future] = (request.model, self._clock() + deadline_s + GRACE_S)
        # A daemon: nothing at the end of the process waits for a server that does not answer.
        threading.Thread(
            target=self._ask,
            args=(endpoint, request, deadline_s, future),
            daemon=True,
            name=f"ask-{request.number}",
        ).start()
        return future

    def settled(self, request: Request, reply: Reply) -> None:
        """Keep a reply for later runs."""
        if self._cache is not None and request.number in self._keys:
            self._cache.put(self._keys.pop(request.number), reply)

    def give_up_late(self) -> None:
        """Answer for threads that are stuck beyond their deadline, and forget those that are done."""
        now = self._clock()
        for future, (_, end) in list(self._flying.items()):
            if not future.done() and now > end:
                _resolve(
                    future, Reply(Status.TIMEOUT, detail="given up: the connection outlived its deadline")
                )
            if future.done():
                del self._flying[future]

    def close(self) -> None:
        for endpoint in set(self._endpoint.values()):
            endpoint.close()
        if self._cache is not None:
            self._cache.close()

    def _ask(self, endpoint: Endpoint, request: Request, deadline_s: float, future: Future[Reply]) -> None:
        try:
            reply = endpoint.complete(
                request.model, request.wire(), request.parameters, request.stream, deadline_s
            )
        except Exception as error:  # whatever a server makes the client do, the search goes on
            reply = Reply(Status.CONNECTION, detail=f"the client failed: {type(error).__name__}: {error}")
        for secret in self._secrets:
            reply = replace(
                reply, text=reply.text.replace(secret, "[key]"), detail=reply.detail.replace(secret, "[key]")
            )
        _resolve(future, reply)


def _resolve(future: Future[Reply], reply: Reply) -> None:
    with contextlib.suppress(InvalidStateError):  # given up meanwhile; the first answer stands
        future.set_result(reply)

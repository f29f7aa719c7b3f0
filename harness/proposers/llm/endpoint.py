"""One endpoint: asks through the `openai` client under a policy of our own.

The client's retries are off, because it sleeps as long as a server tells it to and its timeout is for one
read, not for the whole. Here one deadline covers everything, waits are capped and jittered, parameters that
a model refuses are left out from then on, and an endpoint that keeps failing is left alone for a while.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2  # the openai client's own transport
import openai

from harness.proposers.llm.body import MAX_BODY_BYTES, Bounded, OverDeadline, OverSize, collect
from harness.proposers.llm.client import make_client, told_of
from harness.proposers.llm.learned import Learned
from harness.proposers.llm.reply import FATAL, MAY_COST, PAID, PASSING, Reply, Status
from harness.proposers.llm.settings import Access, LlmConfig
from harness.proposers.llm.wire import read_body, read_error

FIRST_WAIT_S, LONGEST_WAIT_S, LONGEST_PAUSE_S = 0.5, 8.0, 60.0
MOST_PAID = 2
"""Attempts of one request that may cost anything: one that went wrong, and one more."""
MOST_LESSONS = 8
TEACHING = {Status.BAD_REQUEST, Status.NOT_FOUND, Status.CONTEXT, Status.HTML}


class Endpoint:
    """One address with one key, and what was learned of it.

    Thread-safe. Nothing it returns or says holds the key.

    Args:
        access: address and key; its model is asked unless another is named.
        settings: deadlines, attempts, breaker.
        clock, sleep: seconds, monotonic.
    """

    def __init__(
        self,
        access: Access,
        settings: LlmConfig,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.place = access.place
        self.settings = settings
        self._secrets = access.secrets
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._local = threading.local()
        self._learned: dict[str, Learned] = {}
        self._failures = 0
        self._pauses = 0
        self._closed_until = 0.0
        self._probing = False
        self._fatal: dict[str, str] = {}
        self._fatal_in_a_row: dict[str, int] = {}
        self.trouble = ""
        self._client = make_client(access, settings.read_timeout_s, self._bound)

    def ready(self, model: str) -> bool:
        """Whether a request to this model may be sent now."""
        with self._lock:
            return (
                self._fatal.get(model) is None and self._clock() >= self._closed_until and not self._probing
            )

    def fatal(self, model: str) -> str | None:
        """Why this model won't be asked again in this session, or None."""
        return self._fatal.get(model)

    def seconds_closed(self) -> float:
        """How long it is left alone from now on."""
        return max(0.0, self._closed_until - self._clock())

    def learned(self, model: str) -> list[str]:
        """What was learned of this model, line by line."""
        return list(self._of(model).lines)

    def remember(self, model: str, lines: tuple[str, ...]) -> None:
        """Take over what an earlier session learned, in the words of `Reply.refused`."""
        with self._lock:
            for line in lines:
                self._of(model).remember(line)

    def _of(self, model: str) -> Learned:
        return self._learned.setdefault(model, Learned())

    def complete(
        self,
        model: str,
        messages: list[dict[str, str]],
        parameters: dict[str, Any],
        stream: bool,
        deadline_s: float,
    ) -> Reply:
        """Ask until there is a reply, the attempts are used up or the deadline is over."""
        start = self._clock()
        deadline = start + deadline_s
        with self._lock:
            if self._failures >= self.settings.breaker_failures:
                self._probing = True  # one request tries whether the endpoint is back
        attempts: list[str] = []
        lessons: list[str] = []
        tries = 0
        tokens_in = tokens_out = uncounted = 0
        paid = 0
        try:
            while True:
                reply = self._once(model, messages, parameters, stream, deadline)
                line = self._lesson(model, reply, messages, parameters, stream)
                if line is not None and tries < MOST_LESSONS:
                    tries += 1
                    lessons += [line] if line else []  # "" where another request learned it meanwhile
                    continue
                paid += reply.status in MAY_COST
                again = reply.status in PASSING | PAID and paid < MOST_PAID
                wait = self._wait(reply, len(attempts))
                if (
                    not again
                    or len(attempts) + 1 >= self.settings.attempts
                    or self._clock() + wait >= deadline
                ):
                    break
                attempts.append(reply.status.value)
                tokens_in += reply.tokens_in or 0
                tokens_out += reply.tokens_out or 0
                uncounted += reply.status in MAY_COST and reply.tokens_in is None
                self._sleep(wait)
        finally:
            with self._lock:
                self._probing = False
        reply = replace(
            reply,
            attempts=tuple(attempts),
            earlier=(tokens_in, tokens_out, uncounted),
            refused=(*lessons, *self._afterwards(model, reply, parameters)),
            seconds=self._clock() - start,
            text=self._cleaned(reply.text),
            detail=self._cleaned(reply.detail),
            finish=self._cleaned(reply.finish),
        )
        self._note(model, reply)
        return reply

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _once(
        self,
        model: str,
        messages: list[dict[str, str]],
        parameters: dict[str, Any],
        stream: bool,
        deadline: float,
    ) -> Reply:
        left = deadline - self._clock()
        if left <= 0:
            return Reply(
                Status.TIMEOUT,
                detail="the deadline was over before anything was sent",
                tokens_in=0,
                tokens_out=0,
            )
        with self._lock:
            learned = self._of(model)
            body = learned.body(parameters, stream)
            sent = learned.messages(messages)
            suffix = learned.suffix
            self._local.seen = len(learned.lines)
        self._local.deadline = deadline
        known = {k: v for k, v in body.items() if k == "stream"}
        extra = {k: v for k, v in body.items() if k != "stream"}
        client = (
            self._client.with_options(base_url=f"{str(self._client.base_url).rstrip('/')}{suffix}")
            if suffix
            else self._client
        )
        answering = False
        try:
            with client.chat.completions.with_streaming_response.create(
                model=model,
                messages=sent,  # type: ignore[arg-type]  # plain dicts; the client has a type for each role
                extra_body=extra,
                timeout=min(self.settings.read_timeout_s, left),
                **known,
            ) as response:
                answering = True
                return read_body(collect(response), response.headers.get("content-type", ""))
        except OverSize:
            return Reply(Status.TOO_LONG, detail=f"the reply went on beyond {MAX_BODY_BYTES} bytes")
        except openai.APIStatusError as error:
            value = error.body if error.body is not None else error.response.text
            reply = read_error(error.status_code, value)
            asked = _retry_after(error.response.headers)
            return reply if asked is None else replace(reply, retry_after_s=asked)
        except (OverDeadline, openai.APIError, httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, OverDeadline | httpx2.ReadTimeout):
                return Reply(Status.TIMEOUT, detail=f"no whole reply from {self.place} in time")
            told = told_of(cause)
            if answering:  # a model was at work
                return Reply(Status.CUT, detail=f"the reply from {self.place} broke off: {told}")
            return Reply(Status.CONNECTION, detail=f"connection to {self.place} failed: {told}")
        except (ValueError, UnicodeError) as error:
            return Reply(Status.NOT_JSON, detail=f"the client could not read the reply: {error}")

    def _bound(self, response: Any) -> None:
        response.stream = Bounded(response.stream, self._local.deadline, self._clock)

    def _wait(self, reply: Reply, earlier: int) -> float:
        jitter = random.uniform(0.5, 1.0)
        wait = jitter * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**earlier)
        if reply.retry_after_s is not None:
            asked = min(reply.retry_after_s, self.settings.retry_after_cap_s)
            with self._lock:  # the others needn't run into the same wall
                self._closed_until = max(self._closed_until, self._clock() + asked)
            wait = max(asked, 0.0) + 0.1 * jitter * min(asked, 1.0)
        return wait

    def _lesson(
        self,
        model: str,
        reply: Reply,
        messages: list[dict[str, str]],
        parameters: dict[str, Any],
        stream: bool,
    ) -> str | None:
        """A line that a refusal teaches, "" where it was learned meanwhile; None where asking again can't help."""
        with self._lock:
            learned = self._of(model)
            if reply.status in TEACHING and len(learned.lines) > self._local.seen:
                return ""  # another request learned something while this one was on its way
            line = learned.lesson(reply, parameters, stream, messages[0]["role"] == "system")
            if line is None and not learned.suffix and reply.status in (Status.NOT_FOUND, Status.HTML):
                bare = not str(self._client.base_url).rstrip("/").endswith("/v1")
                path = reply.status is Status.HTML or "model" not in reply.detail.lower()
                line = "address: with /v1" if bare and path else None
            if line is None:
                return None
            return line if learned.remember(line) else ""

    def _afterwards(self, model: str, reply: Reply, parameters: dict[str, Any]) -> tuple[str, ...]:
        """What the last reply teaches for the next request: a word that means complete, a limit that was too low."""
        with self._lock:
            learned = self._of(model)
            lines = list(reply.refused)
            raised = learned.raise_limit(parameters) if reply.starved else None
            if raised:
                lines.append(raised)
            return tuple(line for line in lines if learned.remember(line))

    def _note(self, model: str, reply: Reply) -> None:
        """Feed the breaker."""
        with self._lock:
            if reply.status in FATAL:
                count = self._fatal_in_a_row[model] = self._fatal_in_a_row.get(model, 0) + 1
                self.trouble = reply.detail
                if count >= 2:
                    self._fatal[model] = f"{model} at {self.place}: {reply.status.value}: {reply.detail}"
                return
            self._fatal_in_a_row[model] = 0
            if reply.status not in PASSING:
                self._failures = self._pauses = 0
                self.trouble = ""
                return
            self._failures += 1
            self.trouble = f"{reply.status.value}: {reply.detail}"
            if self._failures >= self.settings.breaker_failures:
                pause = min(LONGEST_PAUSE_S, self.settings.breaker_pause_s * 2**self._pauses)
                self._pauses += 1
                self._closed_until = max(self._closed_until, self._clock() + pause)

    @property
    def broken(self) -> bool:
        """Whether the breaker is open."""
        return self._failures >= self.settings.breaker_failures

    def _cleaned(self, text: str) -> str:
        """Without the key, and without halves of surrogate pairs, which JSON may hold and no file can."""
        text = text.encode("utf-8", errors="replace").decode()
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return text


def _retry_after(headers: Any) -> float | None:
    """Seconds a server asks us to wait: from either header, as a number or as a date."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        text = str(headers.get(name, ""))
        try:
            value = float(text)
        except ValueError:
            try:
                value = parsedate_to_datetime(text).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                continue
            return max(value, 0.0)
        if 0 <= value < float("inf"):
            return value * scale
    return None

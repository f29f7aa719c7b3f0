"""The HTTP client of one endpoint: headers, certificates, proxies, and what their trouble means."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2  # the openai client's own transport
import openai

from harness.errors import BadConfig
from harness.proposers.llm.settings import Access

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def make_client(access: Access, read_timeout_s: float, bound: Callable[[Any], None]) -> openai.OpenAI:
    """A client without retries of its own.

    Args:
        bound: called with every response, before its body is read.

    Raises:
        BadConfig: the environment's proxies or certificates can't be used; what to do.
    """
    hooks = {"response": [bound]}
    here = urlsplit(access.base_url).hostname in LOOPBACK
    try:
        # A server on this machine is reached directly, whatever proxies the environment names.
        transport = openai.DefaultHttpxClient(event_hooks=hooks, mounts={} if not here else {"all://": None})
    except ImportError as error:
        if not here:
            raise BadConfig(
                f"{access.place}: the environment names a SOCKS proxy (ALL_PROXY), which needs one more package "
                f"({error}); install it, or unset ALL_PROXY"
            ) from error
        transport = openai.DefaultHttpxClient(event_hooks=hooks, trust_env=False)
    except (OSError, ValueError, ssl.SSLError) as error:
        raise BadConfig(
            f"{access.place}: the environment's proxy or certificates can't be used ({error}); "
            "see HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        ) from error
    return openai.OpenAI(
        api_key=access.key or "none",
        base_url=access.base_url,
        max_retries=0,
        timeout=read_timeout_s,
        http_client=transport,
        default_headers=access.headers or None,
    )


def told_of(cause: BaseException) -> str:
    """One line on a connection that failed; what to do where we know."""
    told = f"{type(cause).__name__}: {cause}"
    seen: BaseException | None = cause
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(seen):
            return f"{told}; trust the server's own certificate with SSL_CERT_FILE=its.pem"
        seen = seen.__cause__ or seen.__context__
    if isinstance(cause, httpx2.ProxyError):
        return f"{told}; see HTTPS_PROXY, ALL_PROXY and NO_PROXY"
    return told

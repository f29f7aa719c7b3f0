"""Calls on a cluster as futures of the standard library, which end whatever becomes of the worker.

`Client.get_executor` does the same but for one case: where a result is lost with its worker and can't be computed again, its
future never ends (distributed 2026.7; a search waited for ever).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any
from weakref import WeakSet

RETRIES = 2
"""Times that a call which raised is tried again, on whichever worker."""


class Following:
    """Sends calls and follows them to their ends.

    Args:
        client: of Dask.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._sent: WeakSet[Any] = WeakSet()

    def submit(self, fn: Callable[..., Any], *args: Any) -> Future[Any]:
        """What `fn(*args)` gives on a worker; cancelled where the scheduler is lost with it."""
        sent, came = self._client.submit(fn, *args, pure=False, retries=RETRIES), Future[Any]()
        self._sent.add(sent)
        self._client.loop.add_callback(_follow, sent, came)
        return came

    def cancel(self) -> None:
        """Let go of all that is on its way."""
        self._client.cancel(list(self._sent))


async def _follow(sent: Any, came: Future[Any]) -> None:
    try:
        found = await sent
    except (asyncio.CancelledError, CancelledError):
        came.cancel()
        came.set_running_or_notify_cancel()
    except Exception as error:
        came.set_exception(error)
    else:
        came.set_result(found)

"""The loop where proposals take time: live, or along a recorded run."""

from __future__ import annotations

from typing import Any

from harness.proposers.llm.models import Models
from harness.proposers.llm.settings import LlmConfig, accesses
from harness.record.run_folder import RunFolder
from harness.run.context import Context
from harness.run.in_flight.live import Live
from harness.run.in_flight.replay import Replay
from harness.run.in_flight.state import InFlight
from harness.search.ending import Ending
from harness.search.search import Search


class InFlightLoop:
    """Requests are in flight while programs are scored.

    Args:
        state: the search and its journal.
        settings: the models that may be asked.
        repeats: a recorded run whose replies are used again, with no network.
    """

    def __init__(self, state: InFlight, settings: LlmConfig, repeats: RunFolder | None = None) -> None:
        self.state, self.settings, self.repeats = state, settings, repeats

    @property
    def search(self) -> Search:
        return self.state.search

    def replay(self) -> None:
        self.state.rebuild()

    def run(self, context: Context) -> Ending:
        if self.repeats is not None:
            with self.repeats.journal(read_only=True) as recorded:
                return Replay(self.state, recorded, context).run()
        models = Models(accesses(self.settings), self.settings)
        try:
            return Live(self.state, models, context).run()
        finally:
            models.close()

    def facts(self) -> dict[str, Any]:
        return {"llm": self.state.llm.ledger.facts()}

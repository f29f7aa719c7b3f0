"""What the pages of the app have in common: the runs folder, templates, commands, and what is known of journals."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.responses import HTMLResponse, Response

from harness.pages.shell import assets, environment
from harness.record.places import JOURNAL
from harness.web.jobs import Jobs
from harness.web.listing import Line, Listing

if TYPE_CHECKING:
    from harness.pages.view import Known

MOST_KNOWN = 20
"""Runs whose journals are kept as read."""


@cache
def pages() -> Environment:
    """Templates of the app, and those of pages that stand alone."""
    loaders = [PackageLoader("harness.web"), PackageLoader("harness.pages")]
    return environment().overlay(loader=ChoiceLoader(loaders))


@dataclass(slots=True)
class Site:
    """What the pages have in common."""

    root: Path
    listing: Listing
    jobs: Jobs
    env: Environment
    bodies: dict[str, tuple[Line, str]] = field(default_factory=dict)
    journals: dict[tuple[Path, int], Known] = field(default_factory=dict)
    drawing: threading.Lock = field(default_factory=threading.Lock)

    def known(self, path: Path) -> Known:
        """What was read of this very journal before; of a few runs it is kept."""
        key = (path, (path / JOURNAL).stat().st_ino)
        known = self.journals.pop(key, None) or _nothing_known()
        self.journals[key] = known  # the latest last
        for old in list(self.journals)[:-MOST_KNOWN]:
            del self.journals[old]
        return known

    def page(self, template: str, code: int = 200, /, **facts: Any) -> HTMLResponse:
        text = self.env.get_template(template).render(**assets(), **facts)
        return HTMLResponse(text, code)


def _nothing_known() -> Known:
    from harness.pages.view import Known

    return Known()


def alone(text: str) -> Response:
    """A page that is one file, with the policy that it has there: its own script and nothing else."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src " + str(
        assets()["script_hash"]
    )
    return HTMLResponse(text, headers={"content-security-policy": policy})

"""The app: pages over the journals of one runs folder; its doors to commands are in `work.py`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from harness.errors import BadRun, HarnessError
from harness.record.places import PROGRAM
from harness.web import forms, work
from harness.web.guard import Guard
from harness.web.jobs import Jobs
from harness.web.listing import Line, Listing
from harness.web.site import Site, alone, pages

BEAT = 1.0
"""Seconds between looks at a run that is watched."""


def make_app(root: Path, token: str | None = None, weak: bool = False) -> Guard:
    """The app for one runs folder.

    Args:
        token: asked of everybody, where not this machine alone is listened to.
        weak: run programs even where the machine can't keep them away from files.
    """
    root = root.resolve()
    site = Site(root, Listing(root), Jobs(root, weak), pages())
    get, post = ["GET"], ["POST"]
    table: list[tuple[str, Callable[[Site, Request], Any], list[str]]] = [
        ("/", index, get),
        ("/events", all_events, get),
        ("/runs/{name}", run, get),
        ("/runs/{name}/body", run_body, get),
        ("/runs/{name}/events", run_events, get),
        ("/runs/{name}/report.html", run_report, get),
        ("/runs/{name}/program.py", run_program, get),
        ("/runs", work.start_run, post),
        ("/leaderboard", leaderboard, get),
        ("/compare", compare, get),
        ("/score", work.score_form, get),
        ("/score", work.score, post),
        ("/tasks/add", work.add_form, get),
        ("/tasks/add", work.add_task, post),
        ("/fit", work.fit_form, get),
        ("/fit", work.fit, post),
        ("/jobs/{id}", work.job, get),
        ("/jobs/{id}/stop", work.stop_job, post),
        ("/jobs/{id}/report.html", work.job_report, get),
        ("/static/{name}", static, get),
    ]

    def bound(endpoint: Callable[[Site, Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            return await endpoint(site, request)

        return answer

    async def wrong(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404 if isinstance(error, BadRun) else 400  # fmt: skip
        what = error.detail if isinstance(error, HTTPException) else str(error)
        return site.page("error.html.j2", status, status=status, what=what)

    async def broken(request: Request, error: Exception) -> Response:
        # What it holds may be of this machine: the terminal has the rest.
        what = f"this page could not be made ({type(error).__name__}); where harness serve runs, its terminal says more"  # fmt: skip
        return site.page("error.html.j2", 500, status=500, what=what)

    handlers: Any = {HTTPException: wrong, HarnessError: wrong, Exception: broken}
    routes = [Route(path, bound(endpoint), methods=methods) for path, endpoint, methods in table]
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token)


async def index(site: Site, request: Request) -> Response:
    lines = await run_in_threadpool(site.listing.lines)
    jobs = [j for j in site.jobs.jobs.values() if j.code is None]
    return site.page("index.html.j2", lines=lines, tasks=await run_in_threadpool(forms.task_names), chosen=request.query_params.get("task", ""), jobs=jobs, root=str(site.root))  # fmt: skip


async def run(site: Site, request: Request) -> Response:
    folder = site.listing.folder(request.path_params["name"])
    line = await run_in_threadpool(site.listing.line, folder)
    mine = next((j for j in site.jobs.jobs.values() if j.kind == "evolve" and j.code is None and f"run: {folder}\n" in j.words), None)  # fmt: skip
    return site.page("run_live.html.j2", line=line, job=mine)


async def run_body(site: Site, request: Request) -> Response:
    """The part of a run's page that is drawn: fetched by the page, and again as the run goes on."""
    folder = site.listing.folder(request.path_params["name"])
    line = await run_in_threadpool(site.listing.line, folder)
    known = site.bodies.get(line.name)
    if known is None or known[0] != line:
        known = (line, await run_in_threadpool(lambda: _drawing().body(site, folder)))
        site.bodies[line.name] = known
    return HTMLResponse(known[1])


def _drawing() -> Any:
    from harness.web import drawing  # loads libraries that a start need not wait for

    return drawing


async def run_report(site: Site, request: Request) -> Response:
    folder = site.listing.folder(request.path_params["name"])
    return alone(await run_in_threadpool(lambda: _drawing().report(folder)))


async def run_program(site: Site, request: Request) -> Response:
    folder = site.listing.folder(request.path_params["name"])
    try:
        return Response(
            (folder / PROGRAM).read_text(encoding="utf-8"), media_type="text/plain; charset=utf-8"
        )
    except OSError:
        raise BadRun(f"run {folder.name!r} has no program: it has not chosen a law") from None


async def all_events(site: Site, request: Request) -> Response:
    def changed(before: dict[str, Line]) -> list[Line]:
        lines = {line.name: line for line in site.listing.lines()}
        return [line for name, line in lines.items() if before.get(name) != line]

    return _stream(request, changed)


async def run_events(site: Site, request: Request) -> Response:
    folder = site.listing.folder(request.path_params["name"])

    def changed(before: dict[str, Line]) -> list[Line]:
        line = site.listing.line(folder)
        return [line] if before.get(line.name) != line else []

    return _stream(request, changed)


def _stream(request: Request, changed: Callable[[dict[str, Line]], list[Line]]) -> Response:
    """Server-sent events: a line of JSON for every run that has changed since the last look."""

    async def events() -> AsyncIterator[str]:
        before: dict[str, Line] = {}
        yield "retry: 3000\n\n"
        while not await request.is_disconnected():
            for line in await run_in_threadpool(changed, before):
                before[line.name] = line
                yield f"data: {json.dumps(line.facts())}\n\n"
            await asyncio.sleep(BEAT)

    return StreamingResponse(events(), media_type="text/event-stream")


async def leaderboard(site: Site, request: Request) -> Response:
    from harness.web.boards import boards_of

    boards, problems, unfinished = await run_in_threadpool(boards_of, site.root)
    return site.page("leaderboard.html.j2", boards=boards, problems=problems, unfinished=unfinished)


async def compare(site: Site, request: Request) -> Response:
    given = request.query_params.getlist("run")
    if len(given) != 2:
        raise forms.BadForm(f"choose two laws to compare, not {len(given)}")
    folders = [site.listing.folder(name) for name in given]
    sides = await run_in_threadpool(lambda: _drawing().sides(folders))
    return site.page("compare.html.j2", sides=sides)


async def static(site: Site, request: Request) -> Response:
    files = {"page.js": ("harness.pages", "web/page.js"), "live.js": ("harness.web", "live.js")}
    name = request.path_params["name"]
    if name not in files:
        raise HTTPException(404, f"no file {name[:80]!r} here")
    package, path = files[name]
    text = (resources.files(package) / path).read_text(encoding="utf-8")
    return Response(text, media_type="text/javascript; charset=utf-8", headers={"cache-control": "no-cache"})

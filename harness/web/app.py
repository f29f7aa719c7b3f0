"""The app: pages over the journals of one runs folder, and doors to commands."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from harness.errors import BadRun, HarnessError
from harness.pages.shell import assets, environment
from harness.record.places import JOURNAL, PROGRAM
from harness.web import forms
from harness.web.guard import Guard
from harness.web.jobs import Job, Jobs
from harness.web.jobs import said as command_said
from harness.web.listing import Line, Listing

if TYPE_CHECKING:
    from harness.pages.view import Known

MOST_KNOWN = 20
"""Runs whose journals are kept as read."""
BEAT = 1.0
"""Seconds between looks at a run that is watched."""


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

    def page(self, template: str, code: int = 200, **facts: Any) -> HTMLResponse:
        text = self.env.get_template(template).render(**assets(), **facts)
        return HTMLResponse(text, code)


def make_app(root: Path, token: str | None = None, weak: bool = False) -> Guard:
    """The app for one runs folder.

    Args:
        token: asked of everybody, where not this machine alone is listened to.
        weak: run programs even where the machine can't keep them away from files.
    """
    root = root.resolve()
    env = environment().overlay(
        loader=ChoiceLoader([PackageLoader("harness.web"), PackageLoader("harness.pages")])
    )
    site = Site(root, Listing(root), Jobs(root, weak), env)
    get, post = ["GET"], ["POST"]
    table: list[tuple[str, Callable[[Site, Request], Any], list[str]]] = [
        ("/", index, get),
        ("/events", all_events, get),
        ("/runs/{name}", run, get),
        ("/runs/{name}/body", run_body, get),
        ("/runs/{name}/events", run_events, get),
        ("/runs/{name}/report.html", run_report, get),
        ("/runs/{name}/program.py", run_program, get),
        ("/runs", start_run, post),
        ("/leaderboard", leaderboard, get),
        ("/compare", compare, get),
        ("/score", score_form, get),
        ("/score", score, post),
        ("/tasks/add", add_form, get),
        ("/tasks/add", add_task, post),
        ("/fit", fit_form, get),
        ("/fit", fit, post),
        ("/jobs/{id}", job, get),
        ("/jobs/{id}/stop", stop_job, post),
        ("/jobs/{id}/report.html", job_report, get),
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

    handlers: Any = {HTTPException: wrong, HarnessError: wrong}
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
        known = (line, await run_in_threadpool(_body, site, folder))
        site.bodies[line.name] = known
    return HTMLResponse(known[1])


def _nothing_known() -> Known:
    from harness.pages.view import Known

    return Known()


def _body(site: Site, path: Path) -> str:
    from harness.pages.page import run_facts  # drawing loads libraries that a start need not wait for
    from harness.pages.view import view_of

    with site.drawing:  # one at a time: they share what is known, and two would not be done sooner
        facts = run_facts(view_of(path, site.known(path)))
    return site.env.get_template("run_body.html.j2").render(**facts)


def _report(path: Path) -> str:
    from harness.pages.page import run_page
    from harness.pages.view import view_of

    return run_page(view_of(path))


async def run_report(site: Site, request: Request) -> Response:
    folder = site.listing.folder(request.path_params["name"])
    return _alone(await run_in_threadpool(_report, folder))


def _alone(text: str) -> Response:
    """A page that is one file, with the policy that it has there: its own script and nothing else."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src " + str(
        assets()["script_hash"]
    )
    return HTMLResponse(text, headers={"content-security-policy": policy})


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
    sides = await run_in_threadpool(_sides, folders)
    return site.page("compare.html.j2", sides=sides)


def _sides(paths: list[Path]) -> list[dict[str, Any]]:
    from harness.pages.page import run_facts
    from harness.pages.view import view_of

    kinds = ("extrapolation", "parity", "front")
    return [run_facts(view_of(path), kinds=kinds, key=f"side{i}-") for i, path in enumerate(paths)]


async def start_run(site: Site, request: Request) -> Response:
    async with request.form() as form:
        argv = forms.evolve_argv(form, site.root)
        title = f"a search on {forms.task_of(form)}"
    id, folder = site.jobs.room()
    return _to(site.jobs.start(id, folder, "evolve", title, argv))


async def score_form(site: Site, request: Request) -> Response:
    return site.page(
        "score.html.j2",
        tasks=await run_in_threadpool(forms.task_names),
        chosen=request.query_params.get("task", ""),
    )


async def score(site: Site, request: Request) -> Response:
    async with request.form() as form:
        task = forms.task_of(form)
        program = forms.text_of(form, "program", forms.MOST_PROGRAM).replace("\r\n", "\n")
    if not program.strip():
        raise forms.BadForm("program: paste the text of a program with fit_scaling_law and scaling_law_func")
    id, folder = site.jobs.room()
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8", errors="replace")
    argv = ["score", str(file), f"--task={task}", "--json"]
    return _to(site.jobs.start(id, folder, "score", f"a program on {task}", argv))


async def add_form(site: Site, request: Request) -> Response:
    return site.page("add.html.j2", said="", failed=False, task="")


async def add_task(site: Site, request: Request) -> Response:
    _, folder = site.jobs.room()
    async with request.form(max_files=1) as form:
        table = await _upload(form, folder)
        argv = forms.add_argv(form, table)
    code, said = await run_in_threadpool(command_said, argv)
    task = said.split("added task ", 1)[1].split(":", 1)[0].strip() if "added task " in said else ""
    return site.page(
        "add.html.j2", 400 if code else 200, said=_without_paths(said, site), failed=code != 0, task=task
    )


async def fit_form(site: Site, request: Request) -> Response:
    return site.page("fit.html.j2")


async def fit(site: Site, request: Request) -> Response:
    id, folder = site.jobs.room()
    async with request.form(max_files=1) as form:
        table = await _upload(form, folder)
        argv = forms.fit_argv(form, table)
        title = f"{forms.text_of(form, 'law') or 'chinchilla'} on {table.name}"
    return _to(site.jobs.start(id, folder, "fit", title, argv))


async def job(site: Site, request: Request) -> Response:
    from harness.pages.typeset import constant_markup, law_markup

    j = site.jobs.find(request.path_params["id"])
    name = j.words.partition("\nrun: ")[2].partition("\n")[0].strip()
    facts: dict[str, Any] = {
        "job": j,
        "run": Path(name).name if name else "",
        "out": "",
        "scores": [],
        "fit": None,
        "page": False,
    }
    if j.code is not None:
        facts |= await run_in_threadpool(_result, j)
    text = j.words if j.kind == "evolve" else j.text("stderr")
    return site.page(
        "job.html.j2", **facts, err=_without_paths(text, site), law=law_markup, constant=constant_markup
    )


def _result(j: Job) -> dict[str, Any]:
    """What a command that has ended brought, as its page shows it."""
    out = j.text("stdout")
    if j.kind == "score":
        try:
            return {"scores": json.loads(out)["scores"]}
        except (ValueError, KeyError):
            return {"out": out}
    if j.kind == "fit":
        try:
            saved = json.loads((j.folder / "fit" / "fit.json").read_text(encoding="utf-8"))
            page = (j.folder / "fit" / "report.html").is_file()
            return {"fit": saved, "page": page, "out": out.partition("\nwrote ")[0]}
        except (OSError, ValueError):
            return {"out": out}
    return {"out": ""}


async def job_report(site: Site, request: Request) -> Response:
    """The page that a fit has written."""
    path = site.jobs.find(request.path_params["id"]).folder / "fit" / "report.html"
    try:
        return _alone(await run_in_threadpool(path.read_text, "utf-8"))
    except OSError:
        raise BadRun("this command has written no page") from None


async def stop_job(site: Site, request: Request) -> Response:
    j = site.jobs.find(request.path_params["id"])
    j.stop()
    return _to(j)


async def static(site: Site, request: Request) -> Response:
    files = {"page.js": ("harness.pages", "web/page.js"), "live.js": ("harness.web", "live.js")}
    name = request.path_params["name"]
    if name not in files:
        raise HTTPException(404, f"no file {name[:80]!r} here")
    package, path = files[name]
    text = (resources.files(package) / path).read_text(encoding="utf-8")
    return Response(text, media_type="text/javascript; charset=utf-8", headers={"cache-control": "no-cache"})


async def _upload(form: Any, folder: Path) -> Path:
    """The table of a form, under a name of our own."""
    given = form.get("file")
    if given is None or isinstance(given, str):
        raise forms.BadForm("file: choose a table")
    path = folder / forms.file_name(given.filename)
    path.write_bytes(await given.read())
    return path


def _to(j: Job) -> Response:
    return RedirectResponse(f"/jobs/{j.id}", 303)


def _without_paths(text: str, site: Site) -> str:
    """Words of a command for a page: where things lie on this machine stays on this machine."""
    return text.replace(f"{site.root}/", "").replace(str(Path.home()), "~")

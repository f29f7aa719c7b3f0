"""Doors to commands: forms that start them, and the pages of what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from harness.errors import BadRun
from harness.web import forms
from harness.web.jobs import Job
from harness.web.jobs import said as command_said
from harness.web.site import Site, alone


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
    return site.page("add.html.j2", said="", failed=False, task="", typed=dict.fromkeys(forms.COLUMNS, ""))


async def add_task(site: Site, request: Request) -> Response:
    _, folder = site.jobs.room()
    async with request.form(max_files=1) as form:
        table = await _upload(form, folder)
        argv = forms.add_argv(form, table)
        typed = {name: forms.text_of(form, name) for name in forms.COLUMNS}
    code, said = await run_in_threadpool(command_said, argv)
    task = said.split("added task ", 1)[1].split(":", 1)[0].strip() if "added task " in said else ""
    # What was typed stays where it did not do; a browser forgets the file alone.
    typed = typed if code else dict.fromkeys(typed, "")
    return site.page(
        "add.html.j2",
        400 if code else 200,
        said=_without_paths(said, site),
        failed=code != 0,
        task=task,
        typed=typed,
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
    code = (
        j.code
    )  # asked once: a command that ends while its page is made is shown as running, and asked again
    name = j.words.partition("\nrun: ")[2].partition("\n")[0].strip()
    facts: dict[str, Any] = {
        "job": j,
        "code": code,
        "run": Path(name).name if name else "",
        "out": "",
        "scores": [],
        "fit": None,
        "page": False,
    }
    if code is not None:
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
        return alone(await run_in_threadpool(path.read_text, "utf-8"))
    except OSError:
        raise BadRun("this command has written no page") from None


async def stop_job(site: Site, request: Request) -> Response:
    j = site.jobs.find(request.path_params["id"])
    j.stop()
    return _to(j)


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

"""The pages of a study: every experiment in one report, and the article that tells what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader

from harness.pages.shell import assets, environment
from harness.pages.theme import themed
from harness.pages.typeset import tex
from harness.study.drawn import Drawn, drawn, rows_of
from harness.study.facts import NEEDED, facts_of
from studies.fitting_methods.experiment import Experiment, Findings

Done = Sequence[tuple[Experiment, Findings]]


@cache
def _environment() -> Environment:
    loader = ChoiceLoader([PackageLoader("harness.study"), PackageLoader("harness.pages")])
    found = environment().overlay(loader=loader)
    found.filters["tex"] = tex
    return found


def pictures_of(done: Done) -> dict[str, Drawn]:
    """Every picture, by number of the experiment and name: "3 errors"."""
    with themed():
        return {f"{e.number} {p.name}": drawn(e, p) for e, f in done for p in f.pictures}


def report(
    done: Done,
    missing: Sequence[tuple[Experiment, str]],
    facts: Sequence[str],
    pictures: Mapping[str, Drawn] | None = None,
) -> str:
    """One HTML file over all experiments that were run.

    Args:
        missing: experiments that were asked for and not run, with the reason.
        facts: lines on how the report was made.
        pictures: of `pictures_of`, if they are drawn already.
    """
    done = sorted(done, key=lambda pair: pair[0].number)
    pictures = pictures_of(done) if pictures is None else pictures
    sections = [
        {
            "e": e,
            "answer": f.answer,
            "pictures": [pictures[f"{e.number} {p.name}"] for p in f.pictures],
            "tables": [
                {"name": t.name, "caption": t.caption, **rows_of(t.printed)} if len(t.printed) else {"name": t.name, "caption": t.caption, "rows": []}
                for t in f.tables
            ],
        }
        for e, f in done
    ]  # fmt: skip
    return _render("report.html.j2", sections=sections, missing=missing, facts=facts, article=tells(done))


def tells(done: Done) -> bool:
    """Whether enough was run for the article."""
    return {e.number for e, _ in done} >= NEEDED


def article(done: Done, pictures: Mapping[str, Drawn] | None = None) -> str:
    """The story of the whole study, with its own numbers and figures."""
    pictures = pictures_of(done) if pictures is None else pictures
    by = {e.number: f for e, f in done}
    return _render("article.html.j2", v=facts_of(by), pictures=pictures, ran=set(by), count=len(pictures))


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values, **assets())

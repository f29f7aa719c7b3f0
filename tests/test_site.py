"""The site: every page has its place, and nothing is fetched from elsewhere."""

import re
import subprocess
import sys

import pytest
import yaml

from tests.test_architecture import ROOT


def pages_of(nav):
    for entry in nav:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else pages_of(value)


def test_every_page_has_one_place_in_the_site():
    named = list(pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    there = {
        p.relative_to(ROOT / "docs").as_posix()
        for p in (ROOT / "docs").glob("**/*")
        if p.suffix in (".md", ".ipynb")
    }
    placed = {p for p in there if not p.startswith(("decisions/", "results/")) and p != "log.md"} | {
        "results/index.md"
    }
    assert len(named) == len(set(named)) and set(named) == placed


@pytest.mark.slow
def test_the_site_is_built_strictly_and_fetches_nothing(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.glob("**/*.html"))
    assert len(pages) > 25
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//', text), page
        assert not re.findall(
            r'<link[^>]+rel="(?:stylesheet|preload|preconnect)"[^>]+href="(?:https?:)?//', text
        ), page

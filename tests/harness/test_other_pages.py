"""Pages of a fit and of a report card: everything is there, and nothing foreign runs in them."""

import re

import numpy as np
import pytest

from harness.bench.page import card_page
from harness.cli import main
from tests.harness.run_folders import EVIL, card_lines
from tests.harness.test_run_page import Page


def asks_nothing(text):
    """Whether one script is all that runs, nothing is fetched, and foreign text is shown as it is."""
    seen = Page(text)
    assert sum(tag == "script" for tag, _ in seen.tags) == 1
    assert not [t for t, a in seen.tags if t == "img" or any(name.startswith("on") for name in a)]
    assert "default-src 'none'" in text and EVIL in seen.text
    ids = [a["id"] for _, a in seen.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {r for r in re.findall(r'(?:href="#|url\(#)([^")]+)', text)} <= set(ids)
    return seen


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two groups of runs, one with a label that means harm."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    rng = np.random.default_rng(3)
    lines = ["N,arm,L"]
    for arm, E in (("wide", 2.0), (EVIL, 2.4)):
        lines += [f'{N:.0f},"{arm}",{E + 80 * N**-0.3 + 1e-3 * rng.normal():.6f}' for N in np.geomspace(1e6, 1e9, 9)]  # fmt: skip
    path.write_text("\n".join(lines))
    return path


def test_the_page_of_a_fit_holds_law_constants_figures_and_checklist(table, tmp_path, capsys):
    options = ["--law", "E + A*N**-alpha", "--groups", "arm", "--free", "E", "--holdout", "N>5e8", "--out", str(tmp_path / "o")]  # fmt: skip
    assert main(["fit", str(table), *options]) == 0
    assert str(tmp_path / "o" / "report.html") in capsys.readouterr().out
    text = (tmp_path / "o" / "report.html").read_text()
    seen = asks_nothing(text)
    assert re.findall(r"<h2[^>]*>([^<]*)", text) == [
        "The law", "Beyond the rows", "The law against the rows", "How sure the exponents are", "Reporting checklist",
    ]  # fmt: skip
    # one curve a group, every row, residuals against the fit and along N, one profile
    assert sum(tag == "svg" and "figure" in a.get("class", "") for tag, a in seen.tags) == 2 + 1 + 2 + 1
    for words in ("held-out RMSE", "0.3", "95 % intervals by sandwich", "not stated", "E[wide]"):
        assert words in seen.text.replace("E [wide]", "E[wide]"), words


def test_the_page_of_a_card_holds_every_run_and_stays_small():
    text = card_page(
        card_lines(), ["Made by `harness bench`: **2** runs.", "", "![hindsight](hindsight.png)"]
    )
    page = asks_nothing(text)
    assert len(text) < 1.5e6, "of many marks a part is drawn"
    assert "Made by harness bench: 2 runs." in page.text and "![" not in page.text
    assert sum(tag == "svg" and "figure" in a.get("class", "") for tag, a in page.tags) == 1 + 2
    assert page.text.count("none kept every rule") == 2 and text.count("<math>") >= 4
    assert 'data-v="-0.0500"' in text, "scores sort as numbers"

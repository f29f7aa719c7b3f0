"""The command, its files and its report. Seeds: 0 where a simulation runs."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from harness.cli import main as harness
from harness.study import main
from harness.study.pages import report
from studies.fitting_methods.experiment import Findings, Table
from studies.fitting_methods.headings import cell
from studies.fitting_methods.page import markdown_table, page
from studies.fitting_methods.registry import MODULES, experiment, experiments


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    monkeypatch.delenv("SLD_ISOFLOP_DIR", raising=False)


def test_list_names_thirteen_experiments(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert [int(n) for n in re.findall(r"^ *(\d+)  ", text, re.M)] == list(range(13))
    assert text.count("[published rows: --data]") == 1
    assert harness(["study", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["number"] for row in rows] == list(MODULES) and all(
        row["question"].endswith("?") for row in rows
    )


def test_every_experiment_has_its_number_and_folder():
    for number, e in zip(MODULES, experiments(), strict=True):
        assert e.number == number and e.name.startswith(f"{number:02d}_")


def test_run_writes_tables_figures_pages_and_a_report_that_stands_alone(tmp_path, capsys):
    assert main(["run", "0", "6", "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    assert "1 experiments" in capsys.readouterr().out
    folder = tmp_path / "out" / "06_closed_form"
    figures = ("errors", "tilt", "map")
    assert {p.name for p in folder.iterdir()} == {
        "errors.csv",
        "page.md",
        *(f"{n}.{e}" for n in figures for e in ("png", "svg")),
    }
    assert len(pd.read_csv(folder / "errors.csv")) == 60
    text = (folder / "page.md").read_text(encoding="utf-8")
    assert all(
        part in text for part in ("**Question.**", "**Set-up.**", "**Answer.**", "errors.csv", "errors.png")
    )
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert 'href="#06_closed_form"' in html and 'id="06_closed_form"' in html
    assert html.count('<svg xmlns="http://www.w3.org/2000/svg"') + html.count("<svg ") >= 6
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert not (tmp_path / "out" / "article.html").exists()  # it needs the others
    assert "0. Reproductions" in html and "isoflops.csv" in html  # says what the other one needs


def test_an_experiment_that_fails_is_named_and_the_others_run(tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    columns = "experiment,params,tokens,budget,loss,outlier,reason"
    (folder / "isoflops.csv").write_text(columns + "\nx,1e8,1e9,6e17,3.0,False,none\n", encoding="utf-8")
    args = [
        "run",
        "0",
        "6",
        "--data",
        str(folder),
        "--out",
        str(tmp_path / "out"),
        "--workers",
        "1",
        "--json",
    ]
    assert main(args) == 1
    shown = json.loads(capsys.readouterr().out)
    assert [e["number"] for e in shown["experiments"]] == [6]
    assert "chinchilla_svg_245.csv: not there" in shown["not_run"][0]["reason"]


def test_run_json_and_same_files_twice(tmp_path, capsys):
    for name in ("one", "two"):
        assert main(["run", "6", "--out", str(tmp_path / name), "--workers", "1", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["experiments"][0]["number"] == 6 and shown["not_run"] == []
    files = [sorted((tmp_path / n / "06_closed_form").iterdir()) for n in ("one", "two")]
    assert len(files[0]) == 8 and all(a.read_bytes() == b.read_bytes() for a, b in zip(*files, strict=True))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "99"], "expected all, or numbers out of 0, 1"),
        (["run", "1", "--data", "nowhere"], "expected a folder with isoflops.csv"),
        (["design", "--budgets", "1e18,x", "--noise", "0.01"], "--budgets: expected FLOPs > 0"),
        (
            ["design", "--budgets", "1e18,1e19", "--noise", "0.01", "--surface", "x"],
            "--surface: expected one of",
        ),
        (
            ["design", "--budgets", "1e18,1e19", "--noise", "0.01", "--span", "1"],
            "--span: expected a factor above 1",
        ),
        (["check", "nowhere.csv"], "nowhere.csv: no such file"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(args, message, capsys):
    assert main(args) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_design_prints_json(capsys):
    args = [
        "design",
        "--budgets",
        "1e18,1e19,1e20",
        "--noise",
        "0.005",
        "--repeats",
        "10",
        "--precision",
        "0.02",
        "--json",
    ]
    assert main(args) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["plan"]["runs"] == 33 and set(found["simulated"]) == {
        "Approach 2",
        "Approach 3 (L-BFGS-B)",
        "Exact VPNLS",
    }
    assert found["cheapest"]["Exact VPNLS"]["flops"] < found["plan"]["flops"]


def test_design_json_has_no_infinity(capsys):
    args = [
        "design",
        "--budgets",
        "1e18,1e19",
        "--noise",
        "5",
        "--points",
        "3",
        "--drift",
        "1000",
        "--repeats",
        "3",
        "--json",
    ]
    assert main(args) == 0
    json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))


def test_design_prints_a_table(capsys):
    args = ["design", "--budgets", "1e18,1e19,1e20", "--noise", "0.005", "--repeats", "10", "--surface",
            "E=1.7,A=400,B=400,alpha=0.3,beta=0.3"]  # fmt: skip
    assert main(args) == 0
    text = capsys.readouterr().out
    assert "true a = 0.5000" in text and "Exact VPNLS" in text and "33 runs" in text


def test_check_flags_a_table(tmp_path, capsys):
    rng = np.random.default_rng(0)
    C = np.repeat([1e18, 1e19], [9, 4])
    N = np.concatenate([np.geomspace(1e7, 1e9, 9), np.geomspace(1e7, 1e9, 4)])
    L = 3 + 0.1 * np.log10(N / 1e8) ** 2 + rng.normal(0, 1e-4, 13)
    source = tmp_path / "runs.csv"
    pd.DataFrame({"N": N, "D": C / (6 * N), "loss": L, "C": C}).to_csv(source, index=False)
    assert main(["check", str(source), "--out", str(tmp_path / "flagged.csv"), "--spline-z", "50"]) == 0
    assert "9 of 13 rows kept; too_few_points 4" in capsys.readouterr().out
    flagged = pd.read_csv(tmp_path / "flagged.csv", keep_default_na=False)
    assert list(flagged.columns) == ["N", "D", "loss", "C", "outlier", "reason"]
    assert list(flagged["reason"]) == ["none"] * 9 + ["too_few_points"] * 4
    assert main(["check", str(source), "--json", "--spline-z", "50"]) == 0
    assert json.loads(capsys.readouterr().out)["all rows"]["none"] == 9


def test_check_names_a_bad_value(tmp_path, capsys):
    source = tmp_path / "runs.csv"
    source.write_text("params,tokens,loss,budget\n1e8,1e9,3.0,6e17\n1e8,oops,3.0,6e17\n", encoding="utf-8")
    assert main(["check", str(source)]) == 2
    assert (
        "tokens must be a finite number: 1 of 2 rows are not (first: line 3, tokens=oops)"
        in capsys.readouterr().err
    )
    source.write_text("params,tokens,loss,budget\n", encoding="utf-8")
    assert main(["check", str(source)]) == 2
    assert "no rows" in capsys.readouterr().err


def test_printed_tables_have_headings_for_people_and_no_rounding_dust():
    rows = pd.DataFrame(
        {"half_width": [0.3, 2.0], "a_error_pct": [3e-13, 2e-13], "D_error_pct": [0.4, 1e-14], "ours_a_error_pct": [1e-13, 2e-13], "width": ["a", "b"]}
    )  # fmt: skip
    printed = Table("errors", "caption", rows).printed
    assert list(printed.columns) == [
        "half width, decades",
        "error of a, %",
        "error of D_opt, %",
        "error of a, exact VPNLS, %",
        "width",
    ]
    assert list(printed["error of a, %"]) == [0, 0] and list(printed["error of D_opt, %"]) == [0.4, 0]
    assert printed["error of a, exact VPNLS, %"].min() > 0  # how small it is, is what that column says
    assert list(rows["a_error_pct"]) == [3e-13, 2e-13]


def test_figures_have_the_colours_of_all_pages():
    from harness.pages.theme import COLOURS
    from studies.fitting_methods import plots

    assert {*plots.COLOURS, plots.INK, plots.GREY, plots.RULE} <= set(COLOURS.values())
    assert len(set(plots.COLOURS)) == 7


def test_residuals_by_budget_are_those_of_our_own_plane_where_no_published_rows_are(tmp_path, capsys):
    assert main(["run", "12", "--out", str(tmp_path / "out"), "--workers", "1", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["experiments"]
    assert "in 1 of 1 sets: our own plane" in found["answer"][0]
    fits = pd.read_csv(tmp_path / "out" / "12_residuals" / "fits.csv")
    assert set(fits["n"]) == {42} and set(fits["budgets"]) == {6} and (fits["k_median"] - 6).abs().max() < 1
    assert "runs.csv: SHA-256" in (tmp_path / "out" / "report.html").read_text()


@pytest.fixture(scope="module")
def whole():
    """Every experiment that needs no published rows, the two with noise on few draws."""
    from studies.fitting_methods import exp07_noise, exp09_efficiency
    from studies.fitting_methods.experiment import Context

    with pytest.MonkeyPatch.context() as patch:
        few = exp07_noise.errors
        patch.setattr(exp07_noise, "errors", lambda context: few(context, repeats=1))
        patch.setattr(exp09_efficiency, "TRIALS", 1)
        return [(experiment(n), experiment(n).run(Context())) for n in range(1, 12)]


@pytest.mark.slow
def test_the_article_tells_the_story_with_the_numbers_of_the_run(whole):
    from harness.study.pages import article, tells

    assert tells(whole) and not tells(whole[:-1])
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", "", article(whole, {})))
    for part in (
        "Proof of the closed form",
        "comes out 1.992 times too large",
        "first order gives 1.695 %, the exact formula 1.692 %",
        "−5.919 % at the narrow and −10.69 % at the wide range",
        "from −23.12 % to +34.57 %",
        "46.3 % and 54.3 % too many, at 8 % and 10.1 % of the budget, or 2.1 million dollars",
        "Over all 32 cells",
        "condition number 3.48e11",
        "arXiv 2603.22339",
        "Published runs were not at hand",
    ):
        assert part in text, part


@pytest.mark.slow
def test_there_are_more_figures_than_in_the_original(whole):
    """51 there. Published rows add experiments 0 and 12 and five figures of 11."""
    names = [(e.number, p.name) for e, f in whole for p in f.pictures]
    assert len(names) == len(set(names)) >= 51
    kinds = {name for _, name in names}
    assert {"isoflops", "power_law", "tokens", "share_cells", "points", "spread"} <= kinds
    assert all(p.caption and p.panels for _, f in whole for p in f.pictures)


def test_pages_and_reports_escape_what_they_print():
    frame = pd.DataFrame({"name": ["a|b", "<i>"], "x": [1.23456789, 4e-13]})
    assert markdown_table(frame).splitlines()[2:] == ["| a\\|b | 1.23457 |", "| <i> | 4.0e-13 |"]
    findings = Findings(("1 < 2",), (Table("t", "caption", frame),))
    assert "a\\|b" in page(experiment(1), findings)
    html = report([(experiment(1), findings)], [], [])
    assert "&lt;i&gt;" in html and "1 &lt; 2" in html


@pytest.mark.parametrize(
    ("value", "text"), [(True, "yes"), (3, "3"), (float("nan"), ""), (0.0, "0"), (2.5e24, "2.5e24")]
)
def test_cells(value, text):
    assert cell(value) == text

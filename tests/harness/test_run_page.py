"""A run's page and figures: all of it is there, in every state of a run, and nothing foreign runs in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape

from harness.cli import main
from harness.commands.plot import KINDS as NAMED
from harness.pages.figures import KINDS, panel_svg
from harness.pages.numbers import number
from harness.pages.page import run_page
from harness.pages.search_panels import LONGEST, MOST_MARKS, pareto, thinned, thinned_out, tip
from harness.pages.theme import COLOURS, DARK
from harness.pages.typeset import law_markup
from harness.pages.view import Point, RunView, Told, view_of
from harness.record.journal import Line
from harness.run.intervals import law_intervals
from harness.run.traces import read_traces, write_traces
from harness.run.tracing import sweep_rows
from harness.search.candidate import Candidate, Draft
from tasks import load, spec
from tests.fuzz import forge
from tests.harness.run_folders import EVIL, begun, ended, joined, outcome, trace, traces, user_task


class Page(HTMLParser):
    """What a browser would see: tags with attributes, text, and what runs."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        user_task(root, patch)
        yield root


@pytest.fixture(scope="module")
def run(root):
    return ended(root / "runs")


@pytest.fixture(scope="module")
def page(run):
    return run_page(view_of(run.path))


def test_the_page_shows_everything_of_a_run(page):
    seen = Page(page)
    heads = re.findall(r"<h2[^>]*>([^<]*)", page)
    assert heads == [
        "The law", "Beyond the rows", "Law and forecast against the rows", "Held-out scores, in company", "The search",
        "Where the law came from", "The shortlist", "Failures", "Program, configuration, environment",
    ]  # fmt: skip
    assert "others stay" not in seen.text, "there is one feature alone"
    for words in (
        "1.9",
        "2.1",
        "timeout",
        "runs off beyond",
        "chosen: the nearest",
        "power sum",
        "90 %",
        "20 steps from a seed",
    ):
        assert words in seen.text, words
    assert sum(tag == "svg" and "figure" in a.get("class", "") for tag, a in seen.tags) == 2 + 2 + 2 + 2 + 3


def test_nothing_foreign_runs_and_nothing_is_asked_of_a_network(page):
    seen = Page(page)
    assert sum(tag == "script" for tag, _ in seen.tags) == 1
    assert not [t for t, a in seen.tags if t == "img" or any(name.startswith("on") for name in a)]
    assert EVIL in seen.text, "foreign text is shown as it is"
    asked = [
        v
        for _, a in seen.tags
        for k, v in a.items()
        if k in ("src", "href", "action") and not v.startswith("#")
    ]
    assert asked == ["data:,"]
    assert "default-src 'none'" in page and "http" not in re.sub(r'="http-?equiv|http-equiv', "", page)


def test_ids_of_figures_are_of_one_figure_each_and_every_reference_finds_its_own(page):
    ids = [a["id"] for _, a in Page(page).tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {r for r in re.findall(r'(?:href="#|url\(#)([^")]+)', page)} <= set(ids)


def test_figures_follow_the_readers_colours(page):
    (svg, *_) = re.findall(r'<svg[^>]*class="figure".*?</svg>', page, re.S)
    assert "var(--law)" in svg and not set(re.findall(r"#[0-9a-f]{6}", svg)) & set(COLOURS.values())
    assert set(COLOURS) == set(DARK)


def luminance(colour):
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("palette", [COLOURS, DARK], ids=["light", "dark"])
def test_marks_and_words_stand_out_of_their_paper(palette):
    paper = luminance(palette["paper"])
    for name in set(palette) - {"paper", "rule", "shade"}:
        low, high = sorted([luminance(palette[name]), paper])
        assert (high + 0.05) / (low + 0.05) >= 4.5 - 0.5 * (name == "control"), name


@pytest.mark.parametrize("kind", ["extrapolation", "front", "scores"])
def test_figures_are_drawn_for_a_paper(run, kind, tmp_path, capsys):
    out = tmp_path / f"figure.{'svg' if kind == 'front' else 'png' if kind == 'scores' else 'pdf'}"
    assert main(["plot", str(run.path), "--kind", kind, "--out", str(out), "--dpi", "40"]) == 0
    assert out.read_bytes()[:4] in (b"%PDF", b"<?xm", b"\x89PNG")
    assert capsys.readouterr().out == f"wrote {out}\n"


def test_names_of_kinds_are_those_of_the_drawings():
    assert tuple(KINDS) == NAMED


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kind", "pie", "--out", "a.pdf"], "no --kind 'pie'"),
        (["--kind", "front", "--out", "a.jpeg"], "no format '.jpeg'"),
    ],
)
def test_a_wrong_figure_is_said_in_one_line(run, options, words, capsys):
    try:
        code = main(["plot", str(run.path), *options])
    except SystemExit as end:
        code = end.code
    assert code == 2 and words in capsys.readouterr().err


def test_a_run_without_rows_says_that_it_has_nothing_to_draw(root, capsys):
    folder = begun(root / "more", name="short")
    assert main(["plot", str(folder.path), "--kind", "data", "--out", str(root / "a.pdf")]) == 2
    assert "nothing to draw for 'data': the run is unfinished, with 20 evaluations" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n", "words"), [(0, "Nothing was evaluated"), (4, "The best law so far"), (1, "The best law so far")]
)
def test_a_run_that_has_not_ended_has_a_page(root, n, words, capsys):
    folder = begun(root / "more", n=n, name=f"begun{n}")
    assert main(["report", str(folder.path)]) == 0
    text = (folder.path / "report.html").read_text()
    assert words in text and "resume goes on" in text
    assert capsys.readouterr().out == f"wrote {folder.path / 'report.html'}\n"


def test_a_run_without_a_law_and_one_that_is_running_say_so(root):
    folder = begun(root / "more", n=4, name="lawless")
    with folder.locked():
        assert view_of(folder.path).state == "running"
    folder.write_summary(
        {"task": "mine", "law": None, "data": {"note": ""}, "proposer": "formula", "seed": 0, "title": "t"}
    )
    assert view_of(folder.path).state == "no law"
    assert "no candidate kept every rule" in run_page(view_of(folder.path))


def test_a_models_reason_stands_at_its_step(root):
    folder = begun(root / "more", n=1, name="told")
    program = f"# why: streams act like weights {EVIL}\n"
    draft = Draft(program, "tree 1", "E + A*N**-a", edit="full by m")
    with folder.journal() as journal:
        journal.append(Candidate("c000001", program, "c000000", None, 0, 1, "llm", draft), outcome(9), 1.0)
    view = view_of(folder.path)
    assert view.reasons == {"c000001": f"streams act like weights {EVIL}"}
    assert "streams act like weights <img" in Page(run_page(view)).text


@pytest.mark.parametrize("what", [b"SQLite", b"CREATE", b'"elapsed_s"'])
def test_a_damaged_journal_has_a_page_that_says_so(root, what):
    folder = begun(root / "more", n=9, name=f"damaged{len(what)}")
    data = bytearray(folder.journal_path.read_bytes())
    at = data.index(what)
    data[at : at + 60] = bytes(60)
    folder.journal_path.write_bytes(bytes(data))
    view = view_of(folder.path)
    assert view.state == "damaged" and view.problems
    assert "its journal is damaged" in run_page(view)


@pytest.mark.parametrize("name", ["summary.json", "config.yaml", "shortlist.json", "traces.npz"])
def test_any_other_damaged_file_is_named_on_the_page(root, name):
    folder = begun(root / "more", n=2, name=f"broken-{name}")
    (folder.path / name).write_bytes(b"\x00{[")
    view = view_of(folder.path)
    assert any(name in problem for problem in view.problems) and len(view.points) == 2


def test_rows_that_all_lie_at_one_place_are_drawn_without_a_warning(root):
    folder = ended(root / "more", name="one-place")
    kept = traces()
    for N in (1e9, 1e6):  # held-out rows that lie at one place; all rows do
        at = joined([trace(np.full(3, N), label, 0.5) for label in ("wide", EVIL)])
        write_traces(folder, replace(kept, heldout=at, train=at if N == 1e6 else kept.train))
        assert 'id="data"' in run_page(view_of(folder.path))


def test_figures_of_other_columns_are_left_out_by_the_command_too(root, monkeypatch, tmp_path):
    folder = ended(root / "more", name="columns")
    other = spec("moe")
    monkeypatch.setattr("harness.pages.view.spec", lambda name: other)
    assert main(["report", str(folder.path), "--to", str(tmp_path / "report.html")]) == 0
    assert "has other columns now" in (tmp_path / "report.html").read_text()


def test_traces_come_back_as_they_were_kept(run):
    again = read_traces(run)
    assert [s.axis for s in again.sweeps] == [0, 0] and again.folds[0].name == "outer 35%"
    assert np.isnan(again.sweeps[0].y).all() and again.intervals["wide"]["E"] == (2.0, 1.9, 2.1)
    assert np.isnan(again.intervals["wide"]["A"][1])


def test_a_sweep_moves_one_feature_from_the_rows_to_beyond_the_farthest(root):
    task = load("mine")
    sweeps = sweep_rows(task, np.array([[5e9]]), np.array(["wide"]))
    assert [(j, label) for j, label, _ in sweeps] == [(0, "wide"), (0, EVIL)]
    wide, other = (X[:, 0] for _, _, X in sweeps)
    assert wide[0] == task.train.X[:, 0].min() and wide[-1] > 5e9 > other[-1] > task.train.X[:, 0].max()


def test_intervals_hold_the_constants_that_made_the_rows(root):
    task = load("mine")
    constants = {"E": 2.0, "A": 80.0 * 1e6**-0.3, "alpha": 0.3}
    summary = {
        "law": "E + A*N**-alpha", "units": {"N": 1e6}, "constants": {g: constants for g in task.train.groups()}
    }  # fmt: skip
    said = 2 + 80 * task.train.X**-0.3
    found = law_intervals(task, summary, said)
    for name, (value, low, high) in found["wide"].items():
        assert low < value == constants[name] < high and high - low < 0.2 * value
    assert law_intervals(task, summary, said + 0.1) == {}, "the text must say what the program says"


def test_laws_are_typeset_and_what_is_no_law_stays_text():
    law = law_markup("E + A*num_characters**-alpha - 2*log(N)", ("num_characters", "N"), "eval_loss")
    assert law.count("<math>") == 4 and "num_characters" in law and "−" in law
    assert law_markup(EVIL) == f"<code>{escape(EVIL)}</code>"
    assert (number(-1.5e-7), number(float("nan")), number(1234567.0)) == ("−1.5e−7", "–", "1.235e6")


def test_an_entry_whose_hash_fits_and_that_says_nothing_is_shown_so(root):
    folder = begun(root / "more", n=3, name="forged")
    for i, payload in enumerate(("[]", "{", '{"candidate": {"draft": 3}}')):
        forge(folder.journal_path, 2 + i, payload)
    view = view_of(folder.path)
    assert [p.told.edit for p in view.points] == ["its entry can't be read"] * 3 and not view.problems
    assert "its entry can" in Page(run_page(view)).text


def test_figures_of_a_long_search_draw_a_part_of_its_laws():
    line = Line("evaluation", "c", "scored", 1.0, 1, "{}", "{}")
    points = [
        Point(f"c{i:06d}", "scored", 2.0 - 1e-3 * (i % 97) - 1e-5 * i, 1 + i % 7, line) for i in range(3000)
    ]
    view = RunView(Path("long"), points=points)
    best = pareto(points)
    shown = thinned(points, best)
    assert len(shown) <= MOST_MARKS + len(best) and {p.id for p in best} <= {p.id for p in shown}
    assert [p.id for p in shown] == sorted(p.id for p in shown)
    assert len(thinned(points, points)) <= 2 * MOST_MARKS, "even where every law was the best when it came"
    assert thinned_out(view) == "Of 3000 laws every 5th is drawn, and all of the front."
    (panel,) = KINDS["progress"][1](view)
    assert len(panel.tips["marks"]) < 1000 and thinned_out(RunView(Path("short"), points=points[:600])) == ""


def test_a_law_that_was_made_lighter_is_found_in_the_shortlist(root):
    folder = ended(root / "more", name="lightened")
    summary = folder.summary()
    folder.write_summary(
        summary | {"candidate": summary["candidate"] + "l0", "software": "Python 3, numpy 2"}
    )
    view = view_of(folder.path)
    first, *others = view.shortlist
    assert (
        first["id"] == summary["candidate"] and "chosen" in first["verdict"] and "lighter" in first["verdict"]
    )
    assert {law["verdict"] for law in others if law["place"]} == {"behind the chosen law"}
    text = run_page(view)
    assert text.count('class="ours" data-text') == 1 and "Python 3, numpy 2" in text


def test_a_mark_of_the_search_says_its_law(run):
    (panel,) = KINDS["front"][1](view_of(run.path))
    svg = panel_svg(panel)
    assert svg.count("<title>c0000") == len(panel.tips["marks"]) == 17


def test_a_mark_names_constants_as_lists_do_and_says_where_a_law_is_cut():
    """What is stored, c0 + c1*..., is nobody's notation."""
    long = "c0 + " + " + ".join(f"c{i}*num_params**-a{i}" for i in range(1, 12))
    for law, says in (
        ("c0 + c1*num_params**-a1", "E + A*num_params**-alpha"),
        ("", "free program"),
        (long, "E + A*num_params**-alpha + B*"),
    ):
        told = Told(law, "seed", None, None, "formula", "")
        text = tip(Point("c000001", "scored", 0.25, 3, None, told), ("num_params",))
        assert text.startswith(f"c000001: error 0.25, 3 constants, {says}")
        assert text.endswith("…") is (law == long)
        assert len(text) <= LONGEST + 50

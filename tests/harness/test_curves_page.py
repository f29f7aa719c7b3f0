"""The interactive page: its data, its one file, and (live) its controls in a real browser."""

import base64
import hashlib
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from curves import Curve
from harness.curves import page as curves_page
from harness.curves.page_data import endpoints_of, page_data

SEED = 3
LABELS = ("mix", "lr_factor")


def made(noise=5e-4):
    """Three scales x two mixes x two rates; the loss falls with all of them; names that try to end the script."""
    rng = np.random.default_rng(SEED)
    curves = []
    for C in (1e18, 1e19, 1e20, 1e21):
        for mix, share in (("p33", 0.67), ("p50</script>", 0.5)):
            for lr in (0.33, 0.67):
                tau = np.linspace(0, 1, 25)
                end = 0.5 + 1.2 * (C / 1e18) ** -0.12 - 0.1 * lr - 0.1 * share
                loss = (
                    end
                    + 0.8 / (1 + (tau / (0.1 + 0.2 * lr)) ** 0.9)
                    - 0.8 / (1 + (1 / (0.1 + 0.2 * lr)) ** 0.9)
                )
                loss += noise * rng.standard_normal(25)
                labels = {"mix": mix, "lr_factor": lr, "math_fraction": share}
                curves.append(Curve(f"{C:g}-{mix}-{lr}", tau, loss, labels, C=C))
    return curves


@pytest.fixture(scope="module")
def found():
    curves = made()
    return page_data(curves, endpoints_of(curves, LABELS), LABELS, "made", joint_prefixes=(0.9,))


def test_the_data_has_every_fit_and_every_stop(found):
    assert len(found["runs"]) == 16
    for run in found["runs"]:
        assert set(run["fits"]) == set(found["variants"])
        assert all(len(f) == len(found["prefixes"]) for f in run["fits"].values())
    late = [run["fits"]["rational_huber"][-1][0] - run["loss"][-1] for run in found["runs"]]
    assert np.abs(late).max() < 0.02
    assert found["laws"]["stops"] == [1e19, 1e20, 1e21]
    assert [len(f) for f in found["laws"]["fits"]["floor"]] == [0, 4, 4]  # a floor needs three scales
    assert [len(f) for f in found["laws"]["fits"]["loglog"]] == [4, 4, 4]
    assert {(f["scope"], f["form"]) for f in found["joint"]["fits"]} >= {("global", "power_drift")}


def test_simple_methods_and_the_choice_stand_beside_the_forms(found):
    assert found["simple"] == [
        "last_value",
        "linear",
        "template_global",
        "template_by_mix",
        "template_by_recipe",
        "auto",
    ]
    half = found["prefixes"].index(0.5)
    for run in found["runs"]:
        assert set(run["simple"]) == set(found["simple"])
        seen = [y for t, y in zip(run["tau"], run["loss"], strict=True) if t <= 0.5 + 1e-12]
        assert run["simple"]["last_value"][half] == pytest.approx(seen[-1], abs=1e-6)
    # the ladder is what the slider starts at; the choice may look at nothing beyond
    assert found["heldOut"] == 1e19 and found["laws"]["start"] == 0
    assert found["choice"]["method"] in found["simple"] + found["variants"]
    assert 0 < found["choice"]["mean"] < 0.05 and found["choice"]["heldOutMean"] > 0


def test_a_page_of_runs_that_have_not_ended_says_that_nothing_can_be_fitted(tmp_path):
    from dataclasses import replace

    curves = [replace(c, complete=False) for c in made()[:3]]
    data = page_data(curves, endpoints_of(curves, LABELS), LABELS, "young", joint_prefixes=())
    assert data["choice"] is None and data["laws"]["stops"] == []
    curves_page.write_page(data, str(tmp_path / "young.html"))
    assert "Nothing can be fitted" in (tmp_path / "young.html").read_text(encoding="utf-8")


def test_the_page_says_what_its_forms_are(found, tmp_path):
    """Every form by the library's name, formula and bounds; what F, A and theta do; MAE against Huber; B(tau); sources."""
    from curves import FORMS, SHAPES
    from harness.curves import page_words

    path = tmp_path / "page.html"
    curves_page.write_page(found, str(path))
    text = path.read_text(encoding="utf-8")
    assert [f["name"] for f in page_words.FORMS] == list(FORMS)
    assert [f["name"] for f in page_words.JOINT_FORMS] == list(SHAPES)
    for words, form in zip(page_words.FORMS, FORMS.values(), strict=True):
        for name, low, high in zip(form.theta, form.low, form.high, strict=True):
            assert (
                f"{name} from {low:.0e}".replace("e-0", "e-") in words["bounds"]
                or f"{name} from {low:g}" in words["bounds"]
            )
            assert f"to {high:g}" in words["bounds"]
    for part in (
        "<b>F</b> is the loss at the end",
        "<b>A</b> is the whole drop",
        "<b>θ</b> bends",
        "MAE and Huber",
        "B(τ) is one of three",
    ):
        assert part in text
    assert text.count("<math") >= 15 and "marin-community/marin" in text
    assert 'name="viewport" content="width=device-width' in text


def test_the_file_is_one_piece_and_keeps_its_data(found, tmp_path):
    path = tmp_path / "page.html"
    curves_page.write_page(found, str(path))
    text = path.read_text(encoding="utf-8")
    plain = text.replace("http://www.w3.org/1998/Math/MathML", "").replace(
        '<link rel="icon" href="data:,">', ""
    )
    assert not re.search(r"https?://|<link|src=|@import|fetch\(|XMLHttpRequest", plain)
    inside = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL).group(1)
    assert json.loads(inside)["runs"][2]["a"] == "p50</script>"
    assert text.count("</script>") == 2
    assert "NaN" not in inside


def test_errors_are_one_clear_line(tmp_path, capsys):
    from harness import curves

    assert curves.main(["page", "--data", str(tmp_path), "--out", str(tmp_path / "x.html")]) == 2
    assert "SLD_CURVES_DIR" in capsys.readouterr().err
    assert curves.main(["page", "--labels", "mix"]) == 2
    assert "expected two columns" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        curves.main(["predcit"])
    assert stop.value.code == 2 and "did you mean 'predict'" in capsys.readouterr().err
    assert curves.main([]) == 2
    assert curves.main(["--help"]) == 0


def test_the_command_on_a_table_of_ones_own(tmp_path, capsys):
    from harness import curves

    lines = ["run_id,step,loss,C,mix,lr_factor"]
    for c in made():
        for tau, loss in zip(c.progress, c.loss, strict=True):
            lines.append(f"{c.run},{1000 * tau:.0f},{loss},{c.C},{c.labels['mix']},{c.labels['lr_factor']}")
    (tmp_path / "runs.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "own.html"
    assert curves.main(["page", "--file", str(tmp_path / "runs.csv"), "--no-joint", "--out", str(out)]) == 0
    assert "16 runs" in capsys.readouterr().out
    assert "Curve prediction: runs" in out.read_text()


PROBE = """
<script>
const say = {};
const count = (where) => document.querySelectorAll(where + " tbody tr").length;
const turn = (id, value) => {
  const e = document.getElementById(id);
  if (e.type === "checkbox") e.checked = value; else e.value = value;
  e.dispatchEvent(new Event("input", { bubbles: true }));
};
const lines = (where) => [...document.querySelectorAll(where)].map((e) => e.getAttribute("d"));
try {
  say.title = document.title;
  turn("law-a", "all"); turn("law-cutoff", 2);
  say.all = { laws: lines("#law-chart .law"), misses: count("#law-misses"), text: document.getElementById("law-cutoff-text").textContent };
  turn("law-cutoff", 1);
  say.cut = { laws: lines("#law-chart .law"), misses: count("#law-misses"), text: document.getElementById("law-cutoff-text").textContent };
  say.remark = document.getElementById("law-remark").textContent;
  turn("law-loglog", true);
  say.loglog = { laws: lines("#law-chart .law") };
  turn("search-a", "all");
  say.search = {};
  for (const t of data.targets) { turn("search-target", t); say.search[t] = search(formRecords, data.runs.map((_, i) => i), t); }
  turn("search-target", 0.1); say.shown = count("#search-regime");
  turn("search-a", "p33"); turn("search-b", "0.67");
  say.regime = document.querySelector("#search-regime tbody tr td:nth-child(5)").textContent;
  turn("search-target", 0.005); turn("search-b", "0.33");
  say.none = document.getElementById("search-regime").textContent;
  turn("search-target", 0.1);
  say.joint = document.getElementById("joint-scale").textContent;
  turn("method-prefix", 8);
  say.methods = [...document.querySelectorAll("#method-table tbody tr")].map((r) => [...r.children].map((c) => c.textContent));
  say.choice = document.getElementById("method-choice").textContent;
  turn("law-loglog", false);
  say.formulas = [...document.querySelectorAll("#law-formulas li")].map((e) => e.textContent);
  say.triangles = document.querySelectorAll("#law-chart .held-out").length;
  say.rungs = document.querySelectorAll("#law-chart .rung").length;
  say.wide = document.documentElement.scrollWidth;
  turn("curve-scale", "all"); turn("curve-prefix", data.prefixes.length - 1);
  say.late = { lines: lines("#curve-chart .continuation"), text: document.getElementById("curve-text").textContent };
  turn("curve-prefix", 8);
  say.half = { lines: lines("#curve-chart .continuation"), text: document.getElementById("curve-text").textContent };
  say.ends = document.querySelectorAll("#curve-chart .end").length;
  turn("curve-a", "p33");
  say.filtered = document.querySelectorAll("#curve-chart .end").length;
  say.cells = document.querySelectorAll("#map-chart td.cell").length;
  say.pairs = document.querySelectorAll("#joint-scatter .pair").length;
  say.fitted = data.runs.map((r) => evaluate("rational_huber", r.fits.rational_huber[8], 0.25));
} catch (error) { say.error = String(error.stack); }
document.body.innerHTML = '<pre id="probe"></pre>';
document.getElementById("probe").textContent = JSON.stringify(say);
</script>
"""


def browser():
    return next(
        (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
    )


WIDTH = """
<script>
const over = (e) => e.scrollWidth > e.clientWidth + 1;
const say = { page: document.documentElement.scrollWidth, window: window.innerWidth,
  cut: [...document.querySelectorAll(".table")].filter((e) => e.offsetParent && over(e)).map((e) => e.id) };
document.body.innerHTML = '<pre id="probe"></pre>';
document.getElementById("probe").textContent = JSON.stringify(say);
</script>
"""


@pytest.mark.live
@pytest.mark.skipif(browser() is None, reason="needs a Chromium: install it to run this test")
def test_a_phone_shows_every_table_whole(found, tmp_path):
    """In a frame of 375 px, since a headless window is never so narrow."""
    page = tmp_path / "page.html"
    curves_page.write_page(found, str(page))
    tell = WIDTH.replace(
        "document.body.innerHTML", "parent.postMessage(JSON.stringify(say), '*'); document.body.innerHTML"
    )
    add_probe(page, tell)
    outer = tmp_path / "outer.html"
    outer.write_text(
        '<!doctype html><body><pre id="probe"></pre><script>addEventListener("message", (e) => '
        '{ document.getElementById("probe").textContent = e.data; });</script>'
        '<iframe src="page.html" style="width:375px;height:800px;border:0"></iframe></body>',
        encoding="utf-8",
    )
    say = probed(outer, tmp_path)
    assert say["window"] == 375 and say["page"] <= 375
    assert say["cut"] == []


def add_probe(page, probe):
    """Put a test's script at the end of a page; the page keeps its policy, which lets this script run beside its own."""
    script = re.search("<script>(.*)</script>", probe, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = page.read_text(encoding="utf-8")
    assert text.count("script-src 'sha256-") == 1
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ").replace("</body>", probe + "</body>")
    page.write_text(text, encoding="utf-8")


def probed(page, tmp_path):
    """What a page's probe says in a real browser."""
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--virtual-time-budget=20000",
    ]
    dump = subprocess.run(
        [browser(), *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=250,
    )
    inside = re.search(r'<pre id="probe">(.*?)</pre>', dump.stdout, re.DOTALL)
    assert inside, dump.stderr[-2000:]
    return json.loads(inside.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@pytest.mark.live
@pytest.mark.skipif(browser() is None, reason="needs a Chromium: install it to run this test")
def test_the_controls_in_a_real_browser(found, tmp_path):
    """The slider moves the fit, the search filters, every section draws."""
    page = tmp_path / "page.html"
    curves_page.write_page(found, str(page))
    add_probe(page, PROBE)
    say = probed(page, tmp_path)
    assert "error" not in say, say["error"]
    assert say["title"] == "made"

    # the cut-off slider: other curves, held-out rows appear, and the form can be changed
    assert (say["all"]["misses"], say["cut"]["misses"]) == (0, 4)
    assert (say["all"]["text"], say["cut"]["text"]) == ("1e21", "1e20")
    assert len(say["all"]["laws"]) == len(say["cut"]["laws"]) == len(say["loglog"]["laws"]) == 4
    assert not set(say["all"]["laws"]) & set(say["cut"]["laws"])
    assert not set(say["cut"]["laws"]) & set(say["loglog"]["laws"])
    assert "4 held-out endpoints" in say["remark"]

    # the search: stricter targets keep fewer, each within its target over all runs, as counted here
    kept = [len(say["search"][str(t)]) for t in found["targets"]]
    assert kept == sorted(kept) and kept[0] < kept[-1] and say["shown"] == min(kept[-1], 12)
    errors = {}
    for run in found["runs"]:
        for name, fits in run["fits"].items():
            for p, fit in zip(found["prefixes"], fits, strict=True):
                if fit:
                    errors.setdefault((p, name), []).append(abs(fit[0] - run["loss"][-1]))
    for target in found["targets"]:
        ours = {key for key, e in errors.items() if len(e) == 16 and max(e) <= target}
        assert {(row["prefix"], row["method"]) for row in say["search"][str(target)]} == ours
    assert say["regime"] == "4"
    assert "joint " in say["joint"]

    # every method's mean and worst error at the prefix, as counted here
    names = {"the predictor": "auto"} | {m.replace("_", " "): m for m in found["simple"] + found["variants"]}
    assert len(say["methods"]) == len(found["simple"]) - 1 + len(
        found["variants"]
    )  # no recipe has three donors
    for name, mean, worst, n in say["methods"]:
        method = names[name]
        ends = [
            r["fits"][method][8][0] if method in found["variants"] else r["simple"][method][8]
            for r in found["runs"]
        ]
        missed = [abs(e - r["loss"][-1]) for e, r in zip(ends, found["runs"], strict=True) if e is not None]
        assert int(n) == len(missed)
        assert float(mean) == pytest.approx(np.mean(missed), abs=6e-5)
        assert float(worst) == pytest.approx(max(missed), abs=6e-5)
    assert "had no say" in say["choice"]

    # the law's formula beside the slider, held-out scales as triangles
    laws = found["laws"]["fits"]["floor"][1]
    assert say["formulas"] == [
        f"{f['a']} {f['b']}: L = {f['E']:.4f} + {f['A']:.4f}·(C/1e18)−{f['alpha']:.4f}" for f in laws
    ]
    assert (say["triangles"], say["rungs"]) == (8, 8)

    # the curves: the prefix slider moves the continuations, the filter keeps half of the runs
    assert len(say["late"]["lines"]) == len(say["half"]["lines"]) == 16
    assert not set(say["late"]["lines"]) & set(say["half"]["lines"])
    assert "at 90 %" in say["late"]["text"] and "at 50 %" in say["half"]["text"]
    assert (say["ends"], say["filtered"]) == (16, 8)
    assert (say["cells"], say["pairs"]) == (17 * 4, 16)

    # the script's form is the library's
    from curves import fit_curve

    for curve, drawn in zip(made(), say["fitted"], strict=True):
        seen = curve.until(0.5)
        fit = fit_curve(seen.progress, seen.loss, "rational", "huber")
        assert drawn == pytest.approx(fit.predict(0.25)[0], abs=1e-5)

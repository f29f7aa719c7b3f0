"""The interactive page: its data, its one file, and (live) its controls in a real browser."""

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


def test_the_file_is_one_piece_and_keeps_its_data(found, tmp_path):
    path = tmp_path / "page.html"
    curves_page.write_page(found, str(path))
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|<link|src=|@import|fetch\(|XMLHttpRequest", text)
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
  turn("search-family", "joint"); turn("search-target", 0.1);
  say.joint = document.getElementById("search-all").textContent;
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


@pytest.mark.live
@pytest.mark.skipif(browser() is None, reason="needs a Chromium: install it to run this test")
def test_the_controls_in_a_real_browser(found, tmp_path):
    """The slider moves the fit, the search filters, every section draws."""
    page = tmp_path / "page.html"
    curves_page.write_page(found, str(page))
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]
    dump = subprocess.run(
        [browser(), *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
    )
    inside = re.search(r'<pre id="probe">(.*?)</pre>', dump.stdout, re.DOTALL)
    assert inside, dump.stderr[-2000:]
    say = json.loads(inside.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
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
    assert "joint_" in say["joint"]

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

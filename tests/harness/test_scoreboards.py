"""Score and leaderboard: what they show of runs, programs, failures and other people's numbers."""

import csv
import io
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.boards.standings import Entry, Standing, mean_sd, ranked, system_name
from harness.choosing.controls import CONTROLS
from harness.commands import leaderboard, ranking, score
from harness.config import Config
from harness.record.summary import _free

ROOT = Path(__file__).resolve().parents[2]
LAW = """
import numpy as np
# EVOLVE-BLOCK-START
def fit_scaling_law(data_points, loss_values):
    {fit}
def scaling_law_func(data_points, params):
    {law}
# EVOLVE-BLOCK-END
"""
LINE_FIT = "return np.linalg.lstsq(np.c_[np.ones(len(data_points)), np.log(data_points)], loss_values, rcond=None)[0]"
LINE_LAW = "return np.c_[np.ones(len(data_points)), np.log(data_points)] @ np.ravel(params)"


@pytest.fixture(autouse=True)
def made_rows(monkeypatch, tmp_path):
    """Rows made here are all that can be reached: the largest vocabulary is held out."""
    draw = np.random.default_rng(11)
    grid = itertools.product(
        (3e7, 1e8, 3e8, 1e9), (4096, 8192, 16384, 32768, 65536), np.geomspace(2e8, 1e11, 8)
    )
    made = pd.DataFrame(grid, columns=["non_vocab_parameters", "vocab_size", "num_characters"])
    N, V, D = made.to_numpy().T
    made["unigram_normalized_loss"] = (
        -5 + 30 * N**-0.3 + 0.3 * (V / 1e4) ** 0.5 + 900 * D**-0.35 + draw.normal(0, 0.02, len(N))
    )
    made["group"] = "all_data"
    folder = tmp_path / "made" / "vocab_scaling_law"
    folder.mkdir(parents=True)
    out = made["vocab_size"] == 65536
    made[~out].to_csv(folder / "train.csv", index=False)
    made[out].to_csv(folder / "test.csv", index=False)
    monkeypatch.setenv("SLD_OFFLINE", "1")
    monkeypatch.setenv("SLD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path / "user"))
    monkeypatch.setenv("SLD_DATA_DIR", str(tmp_path / "made"))


def program(tmp_path, fit=LINE_FIT, law=LINE_LAW):
    path = tmp_path / "mine.py"
    path.write_text(LAW.format(fit=fit, law=law))
    return str(path)


def test_a_program_is_scored_on_every_rule(tmp_path, capsys):
    assert score.main([program(tmp_path), "--task", "finetune_vocab", "--json"]) == 0
    (s,) = json.loads(capsys.readouterr().out)["scores"]
    assert s["broken_rules"] == [] and "differ from the benchmark" in s["note"] and s["n_constants"] == 4
    assert s["heldout"]["r2"] == pytest.approx(s["controls"]["log-linear"]["r2"], abs=1e-9), "the same law"
    assert len(s["controls"]) == 8 and {f"{c}, error in logs" for c in CONTROLS} <= set(s["controls"])


def test_a_failing_program_exits_with_one_and_names_its_rules(tmp_path, capsys):
    path = program(
        tmp_path, fit="return np.arange(9.0)", law="return data_points[:, 0] - data_points[:, 0].mean()"
    )
    assert score.main([path, "--task", "finetune_vocab"]) == 1
    shown = capsys.readouterr().out
    assert "broken" in shown and "constants_budget" in shown and "row_dependence" in shown
    assert score.main([path, "--task", "finetune_vocab", "--json"]) == 1
    (s,) = json.loads(capsys.readouterr().out)["scores"]
    assert s["heldout"] is None, "a broken rule leaves no score"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("print('no function')", "missing_function"),
        ("# EVOLVE-BLOCK-START\ndef f(:\n# EVOLVE-BLOCK-END", "syntax_error"),
        (
            "# EVOLVE-BLOCK-START\ndef scaling_law_func(data_points, params): pass\n# EVOLVE-BLOCK-END",
            "missing_function",
        ),
        (LAW.format(fit="return [1.0]", law="return np.ones(3)"), "wrong_shape"),
        (LAW.format(fit="return [1.0]", law="return np.full(len(data_points), np.nan)"), "not_finite"),
        (LAW.format(fit="raise ValueError('no luck')", law="return 0"), "exception"),
    ],
    ids=["empty", "syntax", "missing", "shape", "nan", "exception"],
)
def test_each_fault_has_its_name(tmp_path, capsys, text, rule):
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert score.main([str(path), "--task", "finetune_vocab", "--json"]) == 1
    (s,) = json.loads(capsys.readouterr().out)["scores"]
    assert rule in [r["rule"] for r in s["broken_rules"]]


FROZEN = """
import math
def law(input_data, group):
    return [{"unigram_normalized_loss": -5 + 900 * row["num_characters"] ** -0.35} for row in input_data]
"""


def test_what_the_field_writes_is_scored_and_marked(tmp_path, capsys):
    path = tmp_path / "mine.py"
    loose = LINE_FIT.replace("return ", "return 1e-4 * np.random.default_rng().random() + ")
    for text, form, mark in (
        (FROZEN, "law(input_data, group) with frozen constants", "constants frozen"),
        (LAW.format(fit=LINE_FIT, law=LINE_LAW).replace("# EVOLVE", "#"), "fit_scaling_law and scaling_law_func", None),
        (LAW.format(fit=loose, law=LINE_LAW), "fit_scaling_law and scaling_law_func", "not repeatable: scores are means over 5 fits"),
    ):  # fmt: skip
        path.write_text(text)
        assert score.main([str(path), "--task", "finetune_vocab", "--json"]) == 0
        (s,) = json.loads(capsys.readouterr().out)["scores"]
        assert s["form"] == form and s["heldout"] and s["validation_r2"] is None
        assert s["marks"] == [] if mark is None else any(m.startswith(mark) for m in s["marks"])
    assert len(s["fits_r2"]) == 5 and s["r2_sd"] > 0
    assert s["heldout"]["relative_error"] > 0 and s["heldout"]["log_error"] > 0


def test_an_import_is_named_with_the_way_to_allow_it(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("import colorsys\n" + LAW.format(fit=LINE_FIT, law=LINE_LAW))
    assert score.main([str(path), "--task", "finetune_vocab"]) == 1
    assert "--allow-import colorsys" in " ".join(capsys.readouterr().out.split())
    assert (
        score.main([str(path), "--task", "finetune_vocab", "--allow-import", "colorsys", "--folds", "--json"])
        == 0
    )
    (s,) = json.loads(capsys.readouterr().out)["scores"]
    assert s["validation_r2"] is not None


@pytest.mark.slow
def test_a_program_with_scikit_learn_runs_inside_the_sandbox(tmp_path, capsys):
    pytest.importorskip("sklearn")
    fit = "Ridge(alpha=1e-6).fit(np.log(data_points), loss_values)"
    path = tmp_path / "ridge.py"
    path.write_text(
        "import numpy as np\nfrom sklearn.linear_model import Ridge\n"
        f"def fit_scaling_law(data_points, loss_values):\n    m = {fit}\n    return np.append(m.coef_, m.intercept_)\n"
        "def scaling_law_func(data_points, params):\n    return np.log(data_points) @ params[:-1] + params[-1]\n"
    )
    assert score.main([str(path), "--task", "finetune_vocab", "--json"]) == 1
    assert "--allow-import sklearn" in capsys.readouterr().out
    assert score.main([str(path), "--task", "finetune_vocab", "--allow-import", "sklearn", "--json"]) == 0
    (s,) = json.loads(capsys.readouterr().out)["scores"]
    assert s["heldout"] and not s["broken_rules"]


def test_wrong_usage_exits_with_two(tmp_path, capsys):
    assert score.main([str(tmp_path / "none.py"), "--task", "finetune_vocab"]) == 2
    assert "none.py" in capsys.readouterr().err
    assert score.main([program(tmp_path), "--task", "finetune_vocub"]) == 2
    assert "did you mean 'finetune_vocab'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        score.main([])
    assert stop.value.code == 2


def write_run(
    root, name, r2, seed, law="c0 + c1*N**-a1", task="moe", train="aaaa", evaluations=1000, done=True
):
    """A run folder as the evolve command leaves it."""
    from harness.record.journal import Journal

    folder = root / name
    folder.mkdir(parents=True)
    config = Config().with_options("evolve", seed=seed, evaluations=evaluations).as_dict()
    Journal.create(folder / "journal.sqlite", {"task": task, "train_hash": train, "config": config}).close()
    if not done:
        return
    card = None
    if r2 is not None:
        card = {"r2": r2, "nmse": 1 - r2, "nmae": 0.1, "mae": 0.1, "n_rows": 5, "per_group": {}}
    summary = {
        "task": task,
        "data": {
            "train_hash": train,
            "heldout_hash": "bbbb",
            "simulated": False,
            "official": True,
            "note": "",
        },
        "config": config,
        "law": law if r2 is not None else None,
        "heldout": card,
        "validation": {"r2": 0.5},
        "n_constants": 3,
        "controls": {"training mean": {"r2": -0.5, "nmse": 1.5, "nmae": 1.0, "per_group": {}}},
        "noise_ceiling_r2": 0.92,
        "published": [],
    }
    (folder / "summary.json").write_text(json.dumps(summary))


def boards(capsys, root, *args):
    assert leaderboard.main(["--out", str(root), "--no-programs", "--json", *args]) == 0
    return json.loads(capsys.readouterr().out)


def test_all_runs_count_and_a_failure_is_minus_one(tmp_path, capsys):
    write_run(tmp_path, "a", 0.9, 0)
    write_run(tmp_path, "b", 0.7, 1, law="c0 + c1*log(N)")
    write_run(tmp_path, "c", None, 2)
    write_run(tmp_path, "d", -50.0, 3)
    write_run(tmp_path, "e", 0.0, 4, done=False)
    (board,) = boards(capsys, tmp_path)
    row = next(s for s in board["standings"] if s["kind"] == "search")
    assert (row["runs"], row["failed"], row["unfinished"]) == (4, 1, 1)
    assert row["r2_mean"] == pytest.approx((0.9 + 0.7 - 1.0 - 1.0) / 4)
    assert (row["r2_min"], row["r2_max"]) == (-50.0, 0.9)
    assert {law["law"]: law["runs"] for law in row["laws"]} == {"c0 + c1*N**-a1": 2, "c0 + c1*log(N)": 1}
    assert [s["kind"] for s in board["standings"]] == ["search", "control"]


def test_rows_of_other_data_or_other_budgets_do_not_mix(tmp_path, capsys):
    write_run(tmp_path, "a", 0.9, 0)
    write_run(tmp_path, "b", 0.8, 0, train="cccc")
    write_run(tmp_path, "c", 0.7, 0, evaluations=50)
    found = boards(capsys, tmp_path)
    assert [(b["task"], b["train_hash"]) for b in found] == [("moe", "aaaa"), ("moe", "cccc")]
    searches = [s for s in found[0]["standings"] if s["kind"] == "search"]
    assert [s["runs"] for s in searches] == [1, 1]
    assert boards(capsys, tmp_path, "--task", "sft") == []


def test_published_rows_are_marked_and_never_ranked(tmp_path, capsys):
    write_run(tmp_path, "a", 0.9, 0)
    (board,) = boards(capsys, tmp_path)
    assert {p["system"] for p in board["published"]} >= {"Human laws", "NAI v9"}
    assert not any("NAI" in s["system"] for s in board["standings"])
    assert leaderboard.main(["--out", str(tmp_path), "--no-programs", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    published = [r for r in rows if r["kind"] == "published"]
    assert published and all(r["rank"] == "" and r["runs"] == "" for r in published)
    assert leaderboard.main(["--out", str(tmp_path), "--no-programs", "--all"]) == 0
    shown = capsys.readouterr().out
    assert "published: NAI v9" in shown and "noise ceiling" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_torn_run_is_noted_and_the_rest_is_shown(tmp_path, capsys):
    write_run(tmp_path, "a", 0.9, 0)
    write_run(tmp_path, "b", 0.9, 1)
    (tmp_path / "b" / "summary.json").write_text('{"task": ')
    assert leaderboard.main(["--out", str(tmp_path), "--no-programs", "--json"]) == 0
    captured = capsys.readouterr()
    assert "not readable as JSON" in captured.err
    assert json.loads(captured.out)[0]["standings"][0]["runs"] == 1


def test_nothing_found_says_what_to_do(tmp_path, capsys):
    assert leaderboard.main(["--out", str(tmp_path), "--no-programs"]) == 0
    assert "harness evolve" in capsys.readouterr().out


def test_programs_are_scored_once_and_remembered(tmp_path, capsys, monkeypatch):
    root = tmp_path / "runs"
    args = ["--out", str(root), "--task", "finetune_vocab", "--json"]
    assert leaderboard.main(args) == 0
    first = json.loads(capsys.readouterr().out)
    programs = [s for s in first[0]["standings"] if s["kind"] == "program"]
    assert {"program human_law", "program additive_power"} <= {s["system"] for s in programs}
    seeds = [s["system"] for s in first[0]["standings"] if s["kind"] == "seed"]
    assert sorted(seeds) == ["seed power_law", "seed vpnls"]
    assert "differ from the benchmark" in first[0]["note"] and first[0]["published"] == []
    monkeypatch.setattr(
        "harness.boards.standings.score_program", lambda *_, **__: pytest.fail("scored again")
    )
    assert leaderboard.main(args) == 0
    assert json.loads(capsys.readouterr().out) == first


def test_programs_stand_on_boards_of_rows_from_another_source(tmp_path, capsys, monkeypatch):
    """A run on our own measurements, while the rows at hand are others."""
    from tasks import load

    nano = load("finetune_vocab", data_dir="nano").provenance
    root = tmp_path / "runs"
    write_run(root, "a", 0.9, 0, task="finetune_vocab", train=nano.train_hash)
    path = root / "a" / "summary.json"
    summary = json.loads(path.read_text())
    summary["data"]["heldout_hash"] = nano.heldout_hash
    path.write_text(json.dumps(summary))
    monkeypatch.setattr(ranking, "program_entries", lambda task, *_, **__: [
        ({"task": task.name, "data": summary["data"] | {"train_hash": task.provenance.train_hash}}, Entry("program human_law", "program", "law", None, None, 3, "here"))
    ])  # fmt: skip
    assert leaderboard.main(["--out", str(root), "--task", "finetune_vocab", "--json"]) == 0
    found = {b["train_hash"]: b for b in json.loads(capsys.readouterr().out)}
    assert len(found) == 2
    assert {s["kind"] for s in found[nano.train_hash]["standings"]} == {"search", "program", "control"}


def entry(r2, kind="search"):
    card = None if r2 is None else {"r2": r2, "nmse": 1 - r2, "nmae": 0.0}
    return Entry("s", kind, "law", card, None, 3, "here")


def test_ranking_is_by_the_mean_not_the_best():
    lucky = Standing("lucky", "search", [entry(0.99), entry(None)])
    steady = Standing("steady", "search", [entry(0.8), entry(0.8)])
    assert [s.system for s in ranked([lucky, steady])] == ["steady", "lucky"]
    assert mean_sd([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))


def test_seed_and_workers_do_not_make_another_system():
    one, other = (Config().with_options("evolve", seed=s, workers=w).as_dict() for s, w in ((0, 1), (5, 2)))
    assert system_name(one) == system_name(other)
    assert system_name(one) != system_name(Config().with_options("search", islands=2).as_dict())


def test_a_free_program_is_called_by_its_docstring():
    title = "VPNLS for parallel scaling: L = E + A N**-a P**-b, four constants."
    assert _free(f'"""{title}\n\nMore."""\nimport numpy\n').endswith(f": {title}")
    assert _free('"""one | two"""').endswith(": one"), "a table's cell stays a cell"
    assert _free("import numpy\n").startswith("free program ") and ":" not in _free("import numpy\n")

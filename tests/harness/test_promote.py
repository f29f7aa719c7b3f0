"""Promotion: the best law of finished runs becomes a program that stands alone, with a card."""

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from evaluator.foreign import Form, form_of
from harness import export, promote
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.naming import readable
from harness.proposers.formula.render import is_rendered
from harness.record.run_folder import RunFolder
from tasks import load


def named(summary):
    """A run's law as people read it, which is how cards say it."""
    return readable(summary["law"], tuple(summary["units"])).text


def test_the_run_of_lowest_validation_error_is_kept(suite, tmp_path, capsys):
    assert promote.main([str(suite), "--to", str(tmp_path)]) == 0
    line = capsys.readouterr().out
    summaries = [RunFolder(suite / f"parallel-formula-s{s}").summary() for s in (0, 1)]
    card = yaml.safe_load((tmp_path / "parallel" / "discovered_law.yaml").read_text())
    kept = next(s for s in summaries if named(s) == card["law"])
    assert named(kept) in line
    errors = [s["validation"]["nmse"] for s in summaries]
    assert kept["validation"]["nmse"] <= 1.1 * min(errors)
    assert card["constants"]["count"] == kept["n_constants"] == len(card["constants"]["names"])
    assert f"{kept['heldout']['r2']:.4f}" in card["notes"] and "chose nothing" in card["notes"]


def test_the_program_is_the_run_s_own_and_stands_alone(suite_rows, suite, tmp_path):
    promote.main([str(suite), "--to", str(tmp_path)])
    text = (tmp_path / "parallel" / "discovered_law.py").read_text()
    task = load("parallel", data_dir=str(suite_rows))
    assert is_rendered(text, TaskFacts.of(task.spec, task.train)) or "free program" in text
    doc = ast.get_docstring(ast.parse(text))
    assert "Source:" in doc and doc.splitlines()[0].endswith(".")
    names = {}
    exec(compile(text, "discovered_law.py", "exec"), names)
    _, index = next(iter(task.train.by_group()))
    X, y = task.train.X[index], task.train.y[index, 0]
    assert ((names["scaling_law_func"](X, names["fit_scaling_law"](X, y)) - y) ** 2).mean() < np.var(y)


def test_a_better_law_is_never_replaced_silently(suite, tmp_path, capsys):
    assert promote.main([str(suite), "--to", str(tmp_path)]) == 0
    place = tmp_path / "parallel" / "discovered_law.yaml"
    card = yaml.safe_load(place.read_text())
    assert promote.main([str(suite), "--to", str(tmp_path)]) == 0, "no worse than itself"
    capsys.readouterr()
    worse = card | {"validation": card["validation"] | {"error": 2 * card["validation"]["error"]}}
    better = card | {
        "law": "mine",
        "validation": card["validation"] | {"error": 0.5 * card["validation"]["error"]},
    }
    other = card | {"validation": card["validation"] | {"rows": "ffff"}}
    old = {k: v for k, v in card.items() if k != "validation"}
    for there, code, says in (
        (worse, 0, "(run parallel"),
        (better, 1, "there is a better law"),
        (other, 1, "other rows or folds"),
        (old, 1, "tells no validation error"),
    ):
        place.write_text(yaml.safe_dump(there))
        assert promote.main([str(suite), "--to", str(tmp_path)]) == code
        said = capsys.readouterr().out
        assert says in said and ("--force replaces it" in said) == bool(code)
        assert (yaml.safe_load(place.read_text()) == there) == bool(code)
    assert promote.main([str(suite), "--to", str(tmp_path), "--force"]) == 0
    assert yaml.safe_load(place.read_text()) == card


def test_a_law_with_frozen_constants_runs_anywhere(suite_rows, suite, tmp_path, capsys):
    assert promote.main([str(suite), "--to", str(tmp_path), "--as", "law"]) == 0
    text = (tmp_path / "parallel" / "law.py").read_text()
    kept = yaml.safe_load((tmp_path / "parallel" / "law.yaml").read_text())["law"]
    run = next(s for s in (0, 1) if named(RunFolder(suite / f"parallel-formula-s{s}").summary()) == kept)
    capsys.readouterr()
    assert (
        export.main(
            [f"parallel-formula-s{run}", "--out", str(suite), "--as", "law", "--to", str(tmp_path / "law.py")]
        )
        == 0
    )
    names, program = {}, {}
    exec(compile((tmp_path / "law.py").read_text(), "law.py", "exec"), names)
    assert "fit_scaling_law" not in names and form_of(text) is Form.FROZEN
    exec(compile(RunFolder(suite / f"parallel-formula-s{run}").program(), "program.py", "exec"), program)
    task = load("parallel", data_dir=str(suite_rows))
    for label, index in task.train.by_group():
        X, y = task.train.X[index], task.train.y[index, 0]
        asked = [dict(zip(task.spec.feature_names, x, strict=True)) for x in X.tolist()]
        said = [row[task.spec.target_names[0]] for row in names["law"](asked, label)]
        again = program["scaling_law_func"](X, program["fit_scaling_law"](X, y))
        assert said == pytest.approx(np.asarray(again).tolist(), rel=1e-7)


def test_a_program_that_needs_the_fitting_library_is_passed_over(suite, tmp_path, capsys):
    copied = tmp_path / "runs"
    shutil.copytree(suite, copied)
    seed = (Path(promote.__file__).parents[1] / "seeds" / "parallel" / "vpnls.py").read_text()
    (copied / "parallel-formula-s0" / "best_program.py").write_text(seed)
    assert promote.main([str(copied), "--to", str(tmp_path / "to")]) == 0
    assert "parallel-formula-s1" in capsys.readouterr().out
    (copied / "parallel-formula-s1" / "best_program.py").write_text(seed)
    assert promote.main([str(copied), "--to", str(tmp_path / "to")]) == 2
    assert "need more than NumPy and SciPy" in capsys.readouterr().err


def test_controls_nested_runs_and_empty_folders_are_refused(suite, nested_suite, tmp_path, capsys):
    for folder in (nested_suite, tmp_path / "nothing"):
        assert promote.main([str(folder), "--to", str(tmp_path / "to")]) == 2
        assert "expected run folders with a finished run" in capsys.readouterr().err
    assert promote.main([str(suite), "--task", "moe", "--to", str(tmp_path / "to")]) == 2
    assert "of task 'moe'" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


MATRIX = """
import numpy as np

def fit_scaling_law(data_points, loss_values):
    X = np.c_[np.ones(len(data_points)), data_points]
    return np.linalg.lstsq(X, loss_values, rcond=None)[0].T

def scaling_law_func(data_points, params):
    out = np.empty((len(data_points), len(params)))
    for t, constants in enumerate(params):
        out[:, t] = constants[0] + data_points @ constants[1:]
    return out
"""


def test_frozen_constants_keep_the_shape_that_the_program_wants():
    """A row of constants for each target, (T, P), or all in one vector; seed 5."""
    from harness.record.law_file import frozen_text
    from tasks import spec

    asked = spec("domain_mixture")
    F, T = len(asked.feature_names), len(asked.target_names)
    assert T > 1
    rng = np.random.default_rng(5)
    X, matrix = rng.random((4, F)), rng.random((T, F + 1))
    rows = [dict(zip(asked.feature_names, x, strict=True)) for x in X.tolist()]
    flat = MATRIX.replace("enumerate(params)", f"enumerate(params.reshape({T}, -1))").replace(
        "len(params)", str(T)
    )
    for program in (MATRIX, flat):
        summary = {
            "task": "domain_mixture",
            "law": "free program x",
            "constants": {"g": {f"p{i}": v for i, v in enumerate(matrix.ravel().tolist())}},
            "data": {"train_hash": "aaaa"},
        }
        names = {}
        exec(compile(frozen_text(program, summary), "law.py", "exec"), names)
        said = [[row[t] for t in asked.target_names] for row in names["law"](rows, "g")]
        assert np.allclose(said, matrix[:, 0] + X @ matrix[:, 1:].T, rtol=1e-12)

"""`harness fit`: report, files, errors."""

import json

import numpy as np
import pandas as pd
import pytest
from fitting_cases import simulated

from fitting import fit, from_dict
from harness.fit import main


@pytest.fixture
def table(tmp_path):
    data = simulated(noise_std=0.01)
    frame = pd.DataFrame({"params": data["N"], "tokens": data["D"], "loss": data["L"]})
    frame["budget"] = np.repeat([1e17, 1e18, 1e19, 1e20, 1e21], 15)
    frame["corpus"] = np.tile(["web", "books", "code"], 25)
    path = tmp_path / "runs.csv"
    frame.to_csv(path, index=False)
    return path


def run(capsys, *args):
    code = main([str(a) for a in args])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_a_report_has_constants_goodness_allocation_and_checklist(table, tmp_path, capsys):
    code, out, _ = run(
        capsys, table, "--loss", "huber:1e-3", "--holdout", "C>=1e21", "--bootstrap", 60, "--strata", "C",
        "--allocate", "1e22,1e24", "--note", "tuning=cosine, tuned per size", "--out", tmp_path / "out", "--no-plots",
    )  # fmt: skip
    assert code == 0
    for piece in (
        "L = E + A*N**-alpha + B*D**-beta",
        "60 rows of runs.csv, loss huber:0.001, converged",
        "95 % bootstrap interval",
        "heldout rows      15",
        "Best allocation, C = k N D",
        "[x] filtering    held out 15 rows where C>=1e21",
        "[x] uncertainty  95 % intervals by bootstrap, 60 resamples of kind within, seed 0",
        "[x] tuning       cosine, tuned per size",
        "[ ] counting     not stated",
    ):
        assert piece in out
    saved = json.loads((tmp_path / "out" / "fit.json").read_text())
    assert saved["allocation"]["C"] == [1e22, 1e24]
    again = from_dict(saved["fit"])
    assert again.objective == pytest.approx(saved["goodness"]["objective"], rel=1e-12)
    assert f"{again.constants['alpha']:.6g}"[:6] in out


def test_plots_are_written_for_surfaces_and_other_laws(table, tmp_path, capsys):
    run(capsys, table, "--out", tmp_path / "a")
    assert {p.name for p in (tmp_path / "a").iterdir()} == {
        "fit.json", "report.html", "isoflop.png", "residuals.png", "profiles.png", "allocation.png"
    }  # fmt: skip
    run(capsys, table, "--law", "E + A*N**-alpha", "--out", tmp_path / "b")
    assert {p.name for p in (tmp_path / "b").iterdir()} == {
        "fit.json",
        "report.html",
        "fit.png",
        "residuals.png",
        "profiles.png",
    }
    assert all(p.stat().st_size > 5000 for p in (tmp_path / "a").glob("*.png"))


def test_options_reach_the_fit(table, tmp_path, capsys):
    code, out, err = run(
        capsys, table, "--law", "E + A*N**-alpha + B*D**-beta", "--column", "N=params/1e6", "--column", "D=tokens/1e9",
        "--where", "corpus!=code", "--fix", "E=1.69", "--bound", "alpha=0.1:0.5", "--groups", "corpus", "--free", "A,B",
        "--intervals", "profile", "--level", 0.9, "--json", "--no-plots", "--out", tmp_path / "o",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert list(found["fit"]["constants"]) == ["A[books]", "A[web]", "alpha", "B[books]", "B[web]", "beta"]
    assert found["fit"]["bounds"]["alpha"] == [0.1, 0.5]
    assert found["interval_method"] == "profile"
    assert "wrote" in err
    frame = pd.read_csv(table)
    part = frame[frame["corpus"] != "code"]
    expected = fit(
        "E + A*N**-alpha + B*D**-beta",
        {"N": part.params / 1e6, "D": part.tokens / 1e9, "L": part.loss, "corpus": part.corpus},
        fixed={"E": 1.69}, bounds={"alpha": (0.1, 0.5)}, groups="corpus", free=("A", "B"),
    )  # fmt: skip
    assert found["fit"]["constants"] == pytest.approx(expected.constants, rel=1e-8)


def test_groups_predict_held_out_rows_with_their_own_constants(table, tmp_path, capsys):
    code, out, _ = run(capsys, table, "--groups", "corpus", "--free", "E", "--holdout", "C>=1e21", "--no-plots",
                       "--out", tmp_path / "o")  # fmt: skip
    assert code == 0
    assert "E[books]" in out
    assert "heldout rmse" in out


def test_laws_are_listed_with_their_sources(capsys):
    code, out, _ = run(capsys, "--laws")
    assert code == 0
    assert "chinchilla     E + A*N**-alpha + B*D**-beta" in out
    assert "arXiv 2203.15556" in out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--law", "E + 2A*N^-a"], "a product needs its sign; write 2*A"),
        (["--law", "nochilla"], "uses no column of the data"),
        (["--where", "corpus~web"], "expected COLUMN"),
        (["--where", "nope==1"], "no column 'nope'"),
        (["--where", "budget==x"], "'x' is none"),
        (["--where", "corpus==none"], "no rows are left"),
        (["--column", "N=sizes"], "no column 'sizes'"),
        (["--column", "N:params"], "expected NAME=COLUMN"),
        (["--bound", "alpha=1"], "expected LOW:HIGH"),
        (["--bound", "gamma=0:1"], "no constant 'gamma'"),
        (["--fix", "E"], "expected NAME=VALUE"),
        (["--fix", "E=x"], "expected a number"),
        (["--loss", "l2"], "expected one of"),
        (["--note", "colour=red"], "--note colour"),
        (["--bootstrap", "5", "--strata", "zone"], "no column 'zone'"),
        (["--bootstrap", "5", "--kind", "cluster"], "needs clusters"),
        (["--allocate", "1e22,much"], "expected a number"),
        (["--target", "bpb"], "no column 'bpb'"),
    ],
)
def test_wrong_input_is_one_clear_line(args, says, table, tmp_path, capsys):
    code, out, err = run(capsys, table, *args, "--no-plots", "--out", tmp_path / "o")
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert says in err
    assert err.count("\n") == 1


def test_a_missing_file_and_an_empty_one(tmp_path, capsys):
    code, _, err = run(capsys, tmp_path / "no.csv")
    assert (code, "no such file" in err) == (2, True)
    (tmp_path / "empty.csv").write_text("")
    code, _, err = run(capsys, tmp_path / "empty.csv")
    assert (code, "the file is empty" in err) == (2, True)


OWN = ["--no-plots", "--json"]


def alpha(found):
    return found["fit"]["constants"]["alpha"]


def test_the_files_own_names_work_and_take_nothing_away(table, tmp_path, capsys):
    code, out, _ = run(capsys, table, *OWN, "--out", tmp_path / "o", "--force")
    assert code == 0
    letters = json.loads(out)
    assert "N, D, L: taken for params, tokens, loss" in letters["notes"]
    law = "E + A*params**-alpha + B*tokens**-beta"
    for args in (["--law", f"loss = {law}"], ["--law", law, "--target", "loss"], ["--target", "loss"]):
        code, out, err = run(capsys, table, *args, *OWN, "--out", tmp_path / "o", "--force")
        assert code == 0, err
        assert alpha(json.loads(out)) == pytest.approx(alpha(letters), rel=1e-9)
    for args in (["--weights", "tokens"], ["--where", "N>1e8"], ["--where", "params>1e8"], ["--holdout", "params>1e9"],
                 ["--holdout", "flops>1", "--column", "flops=budget"], ["--law", "E + C*params**-alpha + B*tokens**-beta"]):  # fmt: skip
        code, _, err = run(capsys, table, *args, *OWN, "--out", tmp_path / "o", "--force")
        assert code == (2 if "flops>1" in args else 0), err
    code, _, err = run(
        capsys, table, "--law", "E + A*N**-alpha + B*tokens**-beta", "--out", tmp_path / "o", "--force"
    )
    assert code == 2 and "write params, as the file has it" in err


def test_names_with_slashes_and_numbers_wider_than_64_bits(table, tmp_path, capsys):
    frame = pd.read_csv(table).rename(
        columns={"params": "num_params", "tokens": "train/tokens", "loss": "eval/loss"}
    )
    frame["flops"] = [str(int(b) * 10**3) for b in frame.pop("budget")]
    path = tmp_path / "wide.csv"
    frame.to_csv(path, index=False)
    names = ["--column", "N=num_params", "--column", "D=train/tokens/1e9", "--target", "eval/loss"]
    code, out, err = run(
        capsys, path, *names, "--holdout", "C>=1e24", "--where", "eval/loss<30", *OWN, "--out", tmp_path / "o"
    )
    assert code == 0, err
    assert json.loads(out)["goodness"]["heldout_rows"] == 15


def test_rows_without_a_number_go_when_asked_and_are_counted(table, tmp_path, capsys):
    frame = pd.read_csv(table).astype(object)
    frame.loc[3, "loss"], frame.loc[5, "loss"] = None, "diverged"
    path = tmp_path / "gaps.csv"
    frame.to_csv(path, index=False)
    code, _, err = run(capsys, path, *OWN, "--drop-missing", "--out", tmp_path / "o")
    assert code == 2 and "line 7, loss=diverged" in err and "--drop-bad" in err
    code, out, _ = run(capsys, path, *OWN, "--drop-missing", "--drop-bad", "--out", tmp_path / "o")
    assert code == 0
    told = "left out 2 of 75 rows: 1 with words in loss, 1 with no finite loss"
    assert json.loads(out)["checklist"]["filtering"] == told


def test_a_law_of_the_log_is_fitted_in_logs(table, tmp_path, capsys):
    code, out, err = run(
        capsys, table, "--law", "log(L) = c - a*log(N) - b*ln(D)", *OWN, "--out", tmp_path / "o"
    )
    assert code == 0, err
    frame = pd.read_csv(table)
    X = np.column_stack([np.ones(75), -np.log(frame.params), -np.log(frame.tokens)])
    expected = np.linalg.lstsq(X, np.log(frame.loss), rcond=None)[0]
    found = json.loads(out)["fit"]["constants"]
    assert [found[n] for n in ("c", "a", "b")] == pytest.approx(expected, rel=1e-5)

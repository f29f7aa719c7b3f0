"""Files of the kinds that people have been caught by, kept outside the project: `SLD_CASES_DIR=<folder> pytest tests/tables/test_cases.py`.

Each case is a folder with small inputs; what is right for it is said here.
"""

import json
import os
from pathlib import Path

import pytest

from harness.cli import main

FOLDER = os.environ.get("SLD_CASES_DIR")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="set SLD_CASES_DIR to the folder of cases")

HALF = ("--final-step", "6000")
PREDICTED = {  # case -> (file, options, step, loss)
    "01_thousands_steps": ("run.csv", HALF, 3000, 2.5487),
    "04_decimal_comma": ("run.csv", HALF, 3000, 2.5487),
    "06_step_of_total": ("run.csv", (), 3000, 2.5487),
    "07_runs_by_name": ("runs.csv", (*HALF, "--run", "bold-sky-1"), 3000, 2.5487),
    "09_iter_restarts_every_epoch": ("log.jsonl", HALF, 3000, 2.5487),
    "11_counter_reset_after_resume": ("log.csv", HALF, 3000, 2.5487),
    "12_tensorboard_scalar_csv": ("run-a-tag-loss.csv", HALF, 3000, 2.5487),
    "13_gzip_run": ("run.csv.gz", HALF, 3000, 2.5487),
    "14_parquet_history": ("history.parquet", HALF, 3000, 2.5487),
    "19_trailing_comma": ("run.csv", HALF, 3000, 2.5487),
    "23_whitespace_table": ("run.txt", HALF, 3000, 2.5487),
    "25_json_lines_named_json": ("metrics.json", HALF, 2999, 2.5487),
    "27_comet_long": ("comet.json", HALF, 3000, 2.5487),
    "28_mlflow_long": ("metrics.csv", HALF, 3000, 2.5487),
    "30_console_megatron": ("megatron.log", (), 3000, 2.5487),
    "31_console_nanogpt": ("nanogpt.log", HALF, 3000, 2.5687),
    "32_console_modded": ("modded.log", (), 3000, 2.5687),
    "33_console_main": ("main.log", HALF, 2900, 2.5587),
    "34_console_titan": ("titan.log", HALF, 3000, 2.5487),
    "35_console_hf": ("hf.log", HALF, 3000, 2.5487),
    "37_console_nemo": ("nemo.log", (), 3000, 2.549),
    "39_console_foundry": ("foundry.log", (), 3000, 2.5487),
    "40_console_litgpt": ("litgpt.log", HALF, 3000, 2.549),
    "43_rising_metric": ("acc.csv", ("--loss", "val_accuracy", "--final-step", "120"), 60, 0.5615),
    "44_empty_val_column": ("run.csv", HALF, 3000, 2.5487),
    "45_two_eval_rows": ("trainer_state.json", (), 3000, 2.5487),
}
ADD = (
    "tasks",
    "add",
    "{}",
    "--features",
    "params,tokens",
    "--target",
    "loss",
    "--extrapolate",
    "params",
    "--name",
    "case",
)
FIT = ("fit", "{}", "--no-plots", "--json", "--out", "{out}")
REFUSED = {  # (case, file, command, what is said)
    ("07_runs_by_name", "runs.csv", ("curves", "predict", "{}", *HALF), "Name tells 2 runs apart"),
    ("17_semicolon_traceback", "runs.csv", ("curves", "backtest", "--csv", "{}", "--column", "loss=x", "--prefixes", "0.5"), "no column x"),
    ("20_unnamed_extra_column_shift", "runs.csv", FIT, "line 2: 4 fields under 3 names"),
    ("20_unnamed_extra_column_shift", "runs.csv", ADD, "line 2: 4 fields under 3 names"),
    ("24_duplicate_column", "runs.csv", FIT, "column 'loss' stands there 2 times"),
    ("24_duplicate_column", "runs.csv", ADD, "column 'loss' stands there 2 times"),
    ("28_mlflow_long", "metrics.csv", ("curves", "predict", "{}", *HALF, "--loss", "value"), "no column 'value'"),
    ("41_nan_tail", "run.csv", ("curves", "predict", "{}", *HALF, "--target", "2.45"), "NaN since step 1,900 (12 rows, to step 3,000)"),
    ("47_wandb_time_axis", "wb.csv", ("curves", "predict", "{}", "--final-step", "4800"), "--step 'Relative Time (Process)'"),
    ("57_missing_rows", "runs.csv", (*FIT, "--target", "eval_loss"), "line 6, the cell is empty"),
}  # fmt: skip
SURFACE = (0.0022, 0.0028)
"""The error of the surface on the rows of the tables of 24 runs."""
FITTED = {  # (case, file, options)
    ("02_suffix_params", "runs.csv", ()),
    ("04_decimal_comma", "runs.csv", ()),
    ("19_trailing_comma", "runs.csv", ()),
    ("23_whitespace_table", "runs.txt", ()),
    ("49_own_names", "runs.csv", ("--law", "loss = E + A*params**-alpha + B*tokens**-beta")),
    ("50_slash_names", "runs.csv", ("--column", "N=num_params", "--column", "D=train/tokens", "--column", "L=eval/loss")),
    ("52_big_integers_where", "runs.csv", ("--holdout", "C>1e21")),
    ("52_big_integers_where", "same_in_e.csv", ("--holdout", "C>1e21")),
    ("52_big_integers_where", "runs.csv", ("--where", "flops<=1e21")),
    ("54_log_form", "runs.csv", ("--law", "E + exp(a - alpha*log(N)) + exp(b - beta*log(D))")),
    ("54_log_form", "runs.csv", ("--law", "exp(e) + exp(a)*N**-alpha + exp(b)*D**-beta")),
    ("56_caret_and_unicode", "runs.csv", ("--law", "E + A/N^alpha + B/D^beta")),
    ("56_caret_and_unicode", "runs.csv", ("--law", "E+A*N**−alpha+B*D**−beta")),
    ("56_caret_and_unicode", "runs.csv", ("--law", "E + A*pow(N,-alpha) + B*D**-beta")),
    ("57_missing_rows", "runs.csv", ("--target", "eval_loss", "--drop-missing")),
    ("58_json_table", "runs.json", ()),
    ("58_json_table", "pretty.json", ()),
    ("60_space_after_comma", "runs.csv", ()),
}  # fmt: skip
ADDED = {"02_suffix_params", "04_decimal_comma", "19_trailing_comma", "60_space_after_comma"}
CURVES = {
    "16_bom_curves": "runs.csv",
    "17_semicolon_traceback": "runs.csv",
    "60_space_after_comma": "curves.csv",
}


def run(capsys, tmp_path, command, case, file):
    path = str(Path(FOLDER) / case / file)
    code = main([str(tmp_path / "out") if a == "{out}" else path if a == "{}" else a for a in command])
    return code, capsys.readouterr()


@pytest.mark.parametrize("case", PREDICTED)
def test_predicted(tmp_path, capsys, case):
    file, options, step, loss = PREDICTED[case]
    code, said = run(capsys, tmp_path, ("curves", "predict", "{}", *options, "--json"), case, file)
    assert code == 0, said.err
    found = json.loads(said.out)
    assert found["step"] == pytest.approx(step) and found["loss"] == pytest.approx(loss, abs=1e-4)
    if case == "43_rising_metric":
        assert 0.55 < found["low"] < found["endpoint"] < found["high"] < 0.64


@pytest.mark.parametrize(("case", "file", "command", "says"), sorted(REFUSED, key=str))
def test_refused_in_one_line(tmp_path, capsys, monkeypatch, case, file, command, says):
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path))
    code, said = run(capsys, tmp_path, command, case, file)
    assert code != 0 and says in said.out + said.err
    assert (said.out + said.err).count("\n") == 1


@pytest.mark.parametrize(("case", "file", "options"), sorted(FITTED))
def test_fitted_to_the_surface(tmp_path, capsys, case, file, options):
    code, said = run(capsys, tmp_path, (*FIT, *options), case, file)
    assert code == 0, said.err
    assert SURFACE[0] < json.loads(said.out)["goodness"]["rmse"] < SURFACE[1]


@pytest.mark.parametrize("case", sorted(ADDED))
def test_added_as_a_task(tmp_path, capsys, monkeypatch, case):
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path))
    code, said = run(capsys, tmp_path, ADD, case, "runs.csv")
    assert code == 0, said.err
    assert "train: 20 rows in 1 group" in said.out


@pytest.mark.parametrize("case", sorted(CURVES))
def test_backtested(tmp_path, capsys, case):
    command = (
        "curves",
        "backtest",
        "--csv",
        "{}",
        "--prefixes",
        "0.5",
        "--methods",
        "power_huber",
        "--workers",
        "1",
    )
    code, said = run(capsys, tmp_path, command, case, CURVES[case])
    assert code == 0 and "power_huber 0.0082" in said.out

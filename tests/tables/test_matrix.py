"""Every kind of file by every command that takes a table: the same rows, or the same clear line; never a traceback."""

import json

import numpy as np
import pytest
from log_shapes import LOSS
from table_files import ROWS, kinds

import tasks
from harness.cli import main
from tables import read_table

KINDS = kinds()
BROKEN = {
    "empty": b"",
    "header alone": b"params,tokens,loss\n",
    "half a line": b"params,tokens,loss\n1,2,3\n4,",
    "a field too many": b"params,tokens,loss\n1,2,3\n4,5,6,7\n",
    "a name twice": b"params,loss,loss\n1,2,3\n",
    "half a JSON": b'[{"params": 1, "tokens": 2, "loss"',
    "torn gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab",
    "torn Parquet": b"PAR1\x00\x00",
    "a web page": b"<!doctype html><html></html>",
    "an open quote": b'params,tokens,loss\n1,2,"3\n4,5,6\n',
    "zeros": b"\x00" * 64,
}
COMMANDS = {
    "fit": ("fit", "{}", "--no-plots", "--json", "--out", "{out}"),
    "study check": ("study", "check", "{}", "--json"),
    "tasks add": ("tasks", "add", "{}", "--features", "params,tokens", "--target", "loss", "--extrapolate", "params", "--name", "m"),
    "curves backtest": ("curves", "backtest", "--csv", "{}", "--column", "run=family", "--column", "step=params", "--prefixes", "0.5",
                        "--methods", "last_value", "--workers", "1", "--json"),
    "curves predict": ("curves", "predict", "{}", "--step", "params", "--loss", "loss", "--json", "--final-step", "1e12"),
}  # fmt: skip


def run(capsys, command, path, out):
    code = main([str(out) if a == "{out}" else str(path) if a == "{}" else a for a in COMMANDS[command]])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(autouse=True)
def own_tasks(monkeypatch, tmp_path):
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path / "tasks"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_by_every_command(tmp_path, capsys, kind):
    name, data = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(data)
    code, out, err = run(capsys, "fit", path, tmp_path / "o")
    assert code == 0, err
    assert json.loads(out)["checklist"]["runs"].startswith(f"{len(ROWS)} rows")
    code, out, err = run(capsys, "study check", path, None)
    assert code == 0, err
    assert sum(json.loads(out)["all rows"].values()) == len(ROWS)
    code, out, err = run(capsys, "tasks add", path, None)
    assert code == 0, err
    task = tasks.load("m")
    assert len(task.train) + len(task.heldout) == len(ROWS)
    assert np.isin(task.train.y[:, 0], read_table(path).numbers("loss")).all()
    for command in ("curves backtest", "curves predict"):  # no curve: one line, whatever it says
        code, out, err = run(capsys, command, path, None)
        assert code == 0 or err.count("\n") == 1, err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("broken", BROKEN)
def test_every_broken_file_is_one_clear_line(tmp_path, capsys, broken, command):
    path = tmp_path / "rows.csv"
    path.write_bytes(BROKEN[broken])
    code, out, err = run(capsys, command, path, tmp_path / "o")
    assert code in (1, 2) and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "rows.csv" in err or broken == "half a line"


def test_the_fit_is_one_whatever_the_kind(tmp_path, capsys):
    found = set()
    for kind in ("csv", "semicolons, decimal comma", "parquet", "json of columns", "zstd"):
        name, data = KINDS[kind]
        (tmp_path / name).write_bytes(data)
        _, out, _ = run(capsys, "fit", tmp_path / name, tmp_path / kind)
        found.add(round(json.loads(out)["fit"]["constants"]["alpha"], 9))
    assert len(found) == 1


def test_predict_follows_a_growing_megatron_log(tmp_path, capsys):
    """A log that grows between two looks is predicted again; a look costs far less than two seconds."""
    from harness.curves import live, predict

    path = tmp_path / "m.log"
    lines = [
        f" iteration {s:>8}/    6000 | learning rate: 3.0E-04 | lm loss: {y:.6E} |\n" for s, y in LOSS.items()
    ]
    path.write_text("".join(lines[:20]) + lines[20][:30])
    args = predict.parser().parse_args([str(path), "--follow", "--every", "1", "--patience", "3"])
    clock, looks = [0.0], []

    def sleep(seconds):
        clock[0] += seconds
        looks.append(len(looks))
        if len(looks) == 1:
            path.write_text("".join(lines[:25]))

    assert live.follow(args, lambda: live._once(args, *once_means(live, args)), sleep, lambda: clock[0]) == 0
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("m: step")]
    assert [line.split(" of ")[0] for line in shown] == ["m: step 2,000", "m: step 2,500"]


def once_means(live, args):
    """What `_once` takes beside the arguments, as `main` makes it."""
    return (live.Means(args.lr_plan, None, None),) if hasattr(live, "Means") else (None, None)

"""Every log shape gives step, loss, planned end and learning rate; runs, epochs and resumes are told apart; states are said."""

import json

import numpy as np
import pytest
from log_shapes import LOSS, LR, STEPS, VAL, each, shapes

from tables import Reading, SeveralRuns, TableError
from tables.logs import read_history
from tables.logs.registry import TRAINERS
from tables.logs.state import state_of
from tables.logs.text import cleaned, trainer_of

SHAPES = shapes()


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_there_are_forty_shapes_and_more():
    assert len(SHAPES) >= 40


@pytest.mark.parametrize("name", SHAPES)
def test_step_loss_end_and_rate_are_read(tmp_path, name):
    file, text, which, (has_end, has_lr) = SHAPES[name]
    found = read_history(write(tmp_path / file, text))
    rows = found.rows[np.isfinite(found.rows["loss"])]
    expected = VAL if which == "val" else LOSS
    per = 100 if "keras" in name else 1
    assert (rows["step"] * per).tolist() == list(expected)
    assert rows["loss"].tolist() == pytest.approx(list(expected.values()), rel=1e-5)
    assert found.final_step == (pytest.approx(6000 / per) if has_end else None)
    if has_lr:
        assert found.rows["lr"].dropna().to_numpy() == pytest.approx(LR)
    assert any("the loss is" in n for n in found.notes) or which == "train"


@pytest.mark.parametrize("reader", TRAINERS, ids=lambda r: r.name)
def test_every_trainer_knows_its_own_example_first(reader):
    lines = reader.example.split("  then  ")
    assert trainer_of([line + "\n" for line in lines] * 3).name == reader.name


def test_a_live_log_leaves_its_half_written_line_out(tmp_path):
    _, text, _, _ = SHAPES["megatron"]
    whole = read_history(write(tmp_path / "m.log", text)).rows
    cut = text[: text.rindex("| loss scale")]
    found = read_history(write(tmp_path / "m.log", cut))
    assert len(found.rows) == len(whole) - 1
    assert "the last line has no line break yet and was left out" in found.notes


def test_colours_bars_and_ranks_are_no_part_of_a_line():
    assert cleaned("\x1b[31m[rank2]: step: 1\x1b[0m\n") == [("2", "step: 1")]
    assert cleaned(" 1%|x\r 2%|y\r\n") == [(None, " 1%|x"), (None, " 2%|y")]
    assert cleaned("(RayTrainWorker pid=12, ip=10.0.0.1) loss\n") == [(None, "loss")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "hello\nworld\n",
        "Traceback (most recent call last):\n  File x\n",
        "epoch done\n" * 9,
        "\x00\x01\x02",
    ],
)
def test_what_is_no_log_shows_its_first_lines_and_what_was_looked_for(tmp_path, text):
    with pytest.raises(TableError) as error:
        read_history(write(tmp_path / "a.log", text))
    said = str(error.value)
    assert "not JSON" not in said and "is the run logging here" not in said and "\n" not in said
    if text.strip("\n\x00\x01\x02"):
        assert text.strip().splitlines()[0][:30] in said and "Looked for" in said and "Megatron-LM" in said


RUNS = {"seed": ("1", "2"), "Name": ("sky", "sea"), "model": ("70M", "160M"), "run_id": ("a", "b")}


@pytest.mark.parametrize("column", RUNS)
def test_a_column_that_names_runs_is_asked_for(tmp_path, column):
    one, two = RUNS[column]
    lines = [f"{n},{s},{y + k}" for k, n in enumerate((one, two)) for s, y in LOSS.items()]
    path = write(tmp_path / "a.csv", f"{column},step,loss\n" + "\n".join(lines) + "\n")
    with pytest.raises(
        SeveralRuns, match=f"column {column} tells 2 runs apart; choose one with --run: {one}, {two}"
    ):
        read_history(path)
    assert read_history(path, run=two).rows["loss"].tolist() == pytest.approx([y + 1 for y in LOSS.values()])


def test_epochs_count_on_and_phases_are_not_runs(tmp_path):
    rows = [
        {"mode": m, "epoch": e, "iter": i, "loss": LOSS[1000 * e + i - 1000] + (m == "val")}
        for e in (1, 2, 3)
        for i in range(100, 1001, 100)
        for m in (("train", "val") if i == 1000 else ("train",))
    ]
    found = read_history(write(tmp_path / "a.jsonl", "".join(json.dumps(r) + "\n" for r in rows)))
    assert found.rows["step"].tolist() == STEPS
    assert found.rows["loss"].tolist() == pytest.approx(list(LOSS.values()))
    assert "begins anew with every epoch (2 times)" in " ".join(found.notes)
    assert "rows with mode val were left out" in " ".join(found.notes)


@pytest.mark.parametrize("tokens", [True, False])
def test_a_counter_that_began_anew_goes_by_tokens_or_by_the_loss(tmp_path, tokens):
    head = "step,loss" + ",tokens" * tokens
    lines = [f"{s if s <= 2000 else s - 2000},{y}" + f",{s}000" * tokens for s, y in LOSS.items()]
    found = read_history(write(tmp_path / "a.csv", head + "\n" + "\n".join(lines) + "\n"))
    assert found.rows["step"].tolist() == STEPS
    assert "counted on" in found.warnings[0]


def test_rows_done_again_that_agree_are_a_resume_and_others_are_runs(tmp_path):
    first = [f"{s},{y}" for s, y in LOSS.items()]
    again = [f"{s},{LOSS[s] + 0.003}" for s in STEPS[20:]]
    found = read_history(write(tmp_path / "a.csv", "step,loss\n" + "\n".join([*first[:25], *again]) + "\n"))
    assert len(found.rows) == 35 and found.warnings == ()
    other = [f"{s},{y + 2}" for s, y in LOSS.items()]
    path = write(tmp_path / "b.csv", "step,loss\n" + "\n".join([*first, *other]) + "\n")
    with pytest.raises(
        SeveralRuns,
        match="does not agree with the first time: 2 runs in one file; choose one with --run: pass 1, pass 2",
    ):
        read_history(path)
    assert read_history(path, run="pass 2").rows["loss"].tolist() == pytest.approx(
        [y + 2 for y in LOSS.values()]
    )


@pytest.mark.parametrize(
    ("loss", "kind", "fatal"),
    [
        ([*list(LOSS.values())[:18], *["nan"] * 12], "nan", True),
        ([*list(LOSS.values())[:18], *["inf"] * 2], "nan", True),
        ([*list(LOSS.values())[:20], *["0.0"] * 10], "zero", True),
        ([*list(LOSS.values())[:15], *[LOSS[1500] + 0.2 * i for i in range(1, 16)]], "diverged", True),
        ([*list(LOSS.values())[:10], *[3.0 + 0.0001 * (-1) ** i for i in range(30)]], "plateau", False),
        (list(LOSS.values()), None, False),
        ([*list(LOSS.values())[:29], "nan"], None, False),
        ([-y for y in LOSS.values()][::-1], None, False),
    ],
    ids=["nan", "inf", "zero", "diverged", "plateau", "healthy", "one nan", "negative"],
)
def test_the_state_of_a_run_is_said(tmp_path, loss, kind, fatal):
    path = write(
        tmp_path / "a.csv", "step,loss\n" + "".join(f"{100 * (i + 1)},{y}\n" for i, y in enumerate(loss))
    )
    found = state_of(read_history(path))
    assert (found and found.kind) == kind
    assert found is None or found.fatal == fatal


def test_a_metric_that_rises_is_known_by_its_name(tmp_path):
    path = write(
        tmp_path / "a.csv", "step,val_accuracy\n" + "".join(f"{s},{1 - y / 9}\n" for s, y in LOSS.items())
    )
    found = read_history(path, columns={"loss": "val_accuracy"})
    assert found.rises and state_of(found) is None


def test_the_fuller_loss_is_read_and_told(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "step,loss,val_loss\n" + "".join(f"{s},{y},{'' if s < 2900 else y}\n" for s, y in LOSS.items()),
    )
    found = read_history(path)
    assert (
        found.columns["loss"] == "loss"
        and "val_loss has 2 values: loss was read, which has 30" in found.notes
    )
    path = write(tmp_path / "b.csv", "step,loss,val_loss\n" + "".join(f"{s},{y},\n" for s, y in LOSS.items()))
    assert "val_loss has no values: loss was read" in read_history(path).notes


def test_folders_of_runs_are_listed(tmp_path):
    for name in ("one", "deep/two"):
        folder = tmp_path / "mlruns" / name / "metrics"
        folder.mkdir(parents=True)
        (folder / "loss").write_text("".join(f"{s}000 {y} {s}\n" for s, y in LOSS.items()))
    with pytest.raises(SeveralRuns, match="2 runs; choose one with --run: deep/two, one"):
        read_history(str(tmp_path / "mlruns"))
    found = read_history(str(tmp_path / "mlruns"), run="deep/two")
    assert found.rows["loss"].tolist() == pytest.approx(list(LOSS.values())) and found.name == "deep/two"


def test_the_learning_rate_s_straight_line_gives_steps_to_epochs(tmp_path):
    text = each(lambda s, y: str({"loss": y, "learning_rate": LR * (1 - s / 6000), "epoch": s / 3000}))
    found = read_history(write(tmp_path / "hf.log", text))
    assert found.by_epoch and found.final_step == pytest.approx(2.0)


def test_words_among_numbers_are_no_numbers_in_a_log_either(tmp_path):
    path = write(tmp_path / "a.csv", "step,loss\n1,2\n2,oops\n3,1\n")
    with pytest.raises(TableError, match="line 3, loss=oops"):
        read_history(path)
    found = read_history(path, reading=Reading(drop_bad=True))
    assert len(found.rows) == 2 and "1 with words in loss" in " ".join(found.notes)

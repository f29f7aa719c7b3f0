"""Readers of one run's log, and cleaning: every format, half-written files, resumed runs, spikes."""

import importlib.util
import json
import random
import struct

import numpy as np
import pandas as pd
import pytest

from harness.curves.clean import clean
from harness.errors import BadHistory
from tables import Reading, SeveralRuns, TableError
from tables.logs import read_history
from tables.logs.events import _masked_crc, scalars

SEED = 5


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def curve(n=60, final=6000):
    step = np.arange(1, n + 1) * final // n
    return step, 2 + 1.5 * (step / 100) ** -0.5


def frame(**columns):
    step, loss = curve()
    return pd.DataFrame({"step": step, "val_loss": loss} | columns)


def test_a_tidy_csv_with_common_names(tmp_path):
    table = frame(tokens=np.arange(60) * 1e6, lr=3e-4, total_steps=8000)
    table.to_csv(tmp_path / "a.csv", index=False)
    found = read_history(str(tmp_path / "a.csv"))
    assert found.columns == {"step": "step", "loss": "val_loss", "tokens": "tokens", "lr": "lr"}
    assert found.rows["loss"].to_numpy() == pytest.approx(table["val_loss"])
    assert (found.final_step, found.name, found.notes) == (8000, "a", ("the loss is the column val_loss",))


@pytest.mark.parametrize("sep", ["\t", ";", ","])
def test_other_separators_and_named_columns(tmp_path, sep):
    frame().rename(columns={"val_loss": "x", "step": "it"}).to_csv(tmp_path / "a.txt", index=False, sep=sep)
    found = read_history(str(tmp_path / "a.txt"), columns={"step": "it", "loss": "x"})
    assert len(found.rows) == 60


def test_a_half_written_last_line_is_left_out_and_told(tmp_path):
    path = write(tmp_path / "a.csv", "step,loss\n1,4.0\n2,3.5\n3,3.2\n4,3.")
    found = read_history(path)
    assert found.rows["loss"].tolist() == [4.0, 3.5, 3.2]
    assert "no line break" in " ".join(found.notes)


def test_lines_with_too_many_fields_or_words_are_left_out(tmp_path):
    path = write(tmp_path / "a.csv", "step,loss\n1,4.0\n2,3.5,7\n3,oops\nWarning: slow\n4,3\n\n5,2.9\n")
    with pytest.raises(TableError, match="line 3: 3 fields under 2 names"):
        read_history(path)
    found = read_history(path, reading=Reading(drop_bad=True))
    assert "2 lines with more or fewer than 2 fields" in " ".join(found.notes)
    assert clean(found, warmup=0).rows["step"].tolist() == [1, 4, 5]


def test_json_lines_nested_with_words_for_nan(tmp_path):
    lines = [json.dumps({"_step": i, "eval": {"loss": 3 - i / 10}, "_runtime": 2.0 * i}) for i in range(5)]
    lines += ['{"_step": 5, "eval": {"loss": "NaN"}}', '{"_step": 6, "eval": {"loss": NaN}}', "{broken", "7"]
    found = read_history(write(tmp_path / "a.jsonl", "\n".join(lines) + "\n"))
    assert found.columns == {"step": "_step", "loss": "eval.loss", "time": "_runtime"}
    assert "2 lines that are not JSON objects were left out" in found.notes
    assert len(clean(found, warmup=0).rows) == 5


def test_a_trainer_state(tmp_path):
    log = [{"step": 10 * i, "loss": 3 - i / 10, "learning_rate": 1e-4} for i in range(9)]
    path = write(tmp_path / "trainer_state.json", json.dumps({"max_steps": 500, "log_history": log}))
    found = read_history(path)
    assert (found.final_step, len(found.rows), found.columns["lr"]) == (500, 9, "learning_rate")


def test_a_wandb_export_with_two_runs_and_bounds(tmp_path):
    step, loss = curve()
    table = pd.DataFrame({"Step": step})
    for name, shift in (("bold-fire-7", 0.0), ("calm - sea-8", 1.0)):
        for end in ("", "__MIN", "__MAX"):
            table[f"{name} - eval/loss{end}"] = loss + shift
    table.to_csv(tmp_path / "w.csv", index=False, quoting=1)
    with pytest.raises(SeveralRuns, match="2 runs; choose one with --run: bold-fire-7, calm - sea-8"):
        read_history(str(tmp_path / "w.csv"))
    found = read_history(str(tmp_path / "w.csv"), run="calm - sea-8")
    assert found.rows["loss"].to_numpy() == pytest.approx(loss + 1)
    with pytest.raises(TableError, match="no run 'x'"):
        read_history(str(tmp_path / "w.csv"), run="x")


def test_dates_become_seconds(tmp_path):
    table = frame(timestamp=pd.date_range("2026-01-01", periods=60, freq="min").astype(str))
    table.to_csv(tmp_path / "a.csv", index=False)
    assert np.diff(read_history(str(tmp_path / "a.csv")).rows["time"]) == pytest.approx(60)


@pytest.mark.parametrize(
    "text, word",
    [
        ("", "no rows, the file is empty"),
        ("step,loss\n", "no rows yet"),
        ("a,b\n1,2\n", "no step column"),
        ("step,b\n1,2\n", "no loss column"),
        ("step,a_loss,b_loss\n1,2,3\n", "several losses; choose one with --loss: a_loss, b_loss"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, text, word):
    with pytest.raises(TableError, match=word):
        read_history(write(tmp_path / "a.csv", text))


def test_missing_files_folders_and_broken_json_are_named(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_history(str(tmp_path / "none.csv"))
    with pytest.raises(TableError, match="no event files"):
        read_history(str(tmp_path))
    with pytest.raises(TableError, match="JSON lines"):
        read_history(write(tmp_path / "a.json", '[{"step": 1'))


# TensorBoard: the frames and messages below follow the published formats and are built by hand.


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def event(step, tag, value, kind="simple", wall=100.0):
    if kind == "simple":
        content = b"\x15" + struct.pack("<f", value)
    elif kind == "bytes":  # tensor: dtype float, tensor_content
        tensor = b"\x08\x01\x22\x04" + struct.pack("<f", value)
        content = b"\x42" + varint(len(tensor)) + tensor
    else:  # tensor: dtype double, packed double_val
        tensor = b"\x08\x02\x32\x08" + struct.pack("<d", value)
        content = b"\x42" + varint(len(tensor)) + tensor
    body = b"\x0a" + varint(len(tag)) + tag.encode() + content
    summary = b"\x0a" + varint(len(body)) + body
    return (
        b"\x09" + struct.pack("<d", wall) + b"\x10" + varint(step) + b"\x2a" + varint(len(summary)) + summary
    )


def frames(*messages):
    out = b""
    for m in messages:
        head = struct.pack("<Q", len(m))
        out += head + struct.pack("<I", _masked_crc(head)) + m + struct.pack("<I", _masked_crc(m))
    return out


def test_the_checksum_is_the_published_one():
    """CRC-32C of 123456789 is E3069283; masked by rotation and the constant of TFRecord."""
    crc = 0xE3069283
    assert _masked_crc(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize("kind", ["simple", "bytes", "double"])
def test_events_of_every_kind_of_scalar(tmp_path, kind):
    version = b"\x09" + struct.pack("<d", 1.0) + b"\x1a\x0dbrain.Event:2"
    data = frames(version, *(event(i * 300, "eval/loss", 3.5 - i / 8, kind) for i in range(6)))
    (tmp_path / "events.out.tfevents.1.host").write_bytes(data)
    found = read_history(str(tmp_path))
    assert found.rows["step"].tolist() == [0, 300, 600, 900, 1200, 1500]
    assert found.rows["loss"].tolist() == [3.5 - i / 8 for i in range(6)]


def test_an_event_file_cut_anywhere_gives_what_is_whole(tmp_path):
    whole = frames(*(event(i, "loss", 3.0) for i in range(4)))
    size = len(whole) // 4
    for cut in range(len(whole) + 1):
        path = tmp_path / "tfevents"
        path.write_bytes(whole[:cut])
        found, word = scalars(path)
        assert len(found) == cut // size
        assert (word is None) == (cut % size == 0)


def test_damaged_and_random_event_files_never_raise(tmp_path):
    rng = np.random.default_rng(SEED)
    whole = bytearray(frames(*(event(i, "loss", 3.0) for i in range(4))))
    path = tmp_path / "tfevents"
    for _ in range(300):
        bad = bytearray(whole)
        bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        scalars(path)
    path.write_bytes(rng.bytes(500))
    assert scalars(path)[0] == [] and "damaged" in scalars(path)[1]


def test_a_resumed_run_in_two_event_files(tmp_path):
    first = frames(*(event(i * 10, "loss", 3 - i / 10) for i in range(10)))
    second = frames(*(event(i * 10, "loss", 2.5 - i / 50, wall=500.0 + i) for i in range(6, 16)))
    (tmp_path / "events.out.tfevents.0001.host").write_bytes(first)
    (tmp_path / "events.out.tfevents.0002.host").write_bytes(second)
    found = clean(read_history(str(tmp_path)), warmup=0)
    assert found.rows["step"].tolist() == [i * 10 for i in range(16)]
    assert found.rows["loss"].iloc[6] == pytest.approx(2.5 - 6 / 50)
    assert any("resumed 1 times: 4 rows" in n for n in found.notes)


@pytest.mark.live
@pytest.mark.skipif(
    importlib.util.find_spec("tensorboardX") is None, reason="pip install tensorboardX to run it"
)
def test_files_of_a_real_writer(tmp_path):
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for i in range(50):
            writer.add_scalar("eval/loss", 3 - i / 100, 100 * i, walltime=1000.0 + i)
            writer.add_scalar("train/learning_rate", 1e-4, 100 * i, walltime=1000.0 + i)
            writer.add_histogram("weights", np.arange(20.0), 100 * i)
            writer.add_text("words", "hello", 100 * i)
    found = read_history(str(tmp_path))
    assert found.rows["step"].tolist() == [100 * i for i in range(50)]
    assert found.rows["loss"].to_numpy() == pytest.approx([3 - i / 100 for i in range(50)], rel=1e-6)
    assert found.rows["time"].to_numpy() == pytest.approx([1000.0 + i for i in range(50)])
    assert found.rows["lr"].to_numpy() == pytest.approx(1e-4)


# Cleaning


def cleaned(tmp_path, table, **options):
    table.to_csv(tmp_path / "c.csv", index=False)
    return clean(read_history(str(tmp_path / "c.csv")), **options)


def test_a_resumed_run_forgets_what_it_did_again(tmp_path):
    table = frame()
    again = table[40:].assign(val_loss=table["val_loss"][40:] + 0.01)
    found = cleaned(tmp_path, pd.concat([table[:50], again]), warmup=0)
    assert found.rows["step"].tolist() == table["step"].tolist()
    assert found.rows["loss"][45] == pytest.approx(table["val_loss"][45] + 0.01)
    assert "resumed 1 times: 10 rows" in " ".join(found.notes)


def test_repeats_keep_the_last_and_disorder_is_sorted(tmp_path):
    table = frame()
    twice = pd.concat([table[:30], table[29:].assign(val_loss=table["val_loss"][29:] - 0.001)])
    assert len(cleaned(tmp_path, twice, warmup=0).rows) == 60
    mixed = table.sample(frac=1, random_state=SEED)
    found = cleaned(tmp_path, mixed, warmup=0)
    assert found.rows["loss"].to_numpy() == pytest.approx(table["val_loss"])
    assert "sorted" in " ".join(found.notes)


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("at", [6, 20, 50])
def test_spikes_go_and_nothing_else_does(tmp_path, width, at):
    table = frame()
    table.loc[at : at + width - 1, "val_loss"] *= 1.3
    found = cleaned(tmp_path, table, warmup=0)
    assert found.spikes["step"].tolist() == table["step"][at : at + width].tolist()
    assert len(cleaned(tmp_path, table, warmup=0, spikes=False).rows) == 60


def test_noise_a_steep_start_and_a_step_down_are_no_spikes(tmp_path):
    rng = np.random.default_rng(SEED)
    for loss in (
        frame()["val_loss"] + 0.005 * rng.standard_normal(60),
        frame()["val_loss"] - 0.2 * (np.arange(60) > 30),
        frame()["val_loss"],
    ):
        assert len(cleaned(tmp_path, frame(val_loss=loss), warmup=0).spikes) == 0


def test_nan_and_inf_go(tmp_path):
    table = frame()
    table.loc[3, "val_loss"], table.loc[9, "val_loss"] = np.nan, np.inf
    found = cleaned(tmp_path, table, warmup=0)
    assert len(found.rows) == 58
    assert "2 of 60 rows have no finite loss" in " ".join(found.notes)


def test_warmup_by_rate_by_share_by_step(tmp_path):
    step, _ = curve()
    rising = frame(lr=np.minimum(step / 1000, 1.0) * 3e-4)
    assert cleaned(tmp_path, rising).rows["step"].iloc[0] == 1000
    assert cleaned(tmp_path, frame()).rows["step"].iloc[0] == 400
    assert cleaned(tmp_path, frame(), warmup=0.5).rows["step"].iloc[0] == 3100
    assert cleaned(tmp_path, frame(), warmup=1500).rows["step"].iloc[0] == 1500


def test_too_few_rows_are_named(tmp_path):
    with pytest.raises(BadHistory, match="needs 3 or more"):
        cleaned(tmp_path, frame()[:2])


def test_rate_tokens_and_time_may_be_logged_on_other_rows(tmp_path):
    lines = []
    for i in range(40):
        lines.append(
            {"step": 10 * i, "loss": 3 - i / 50, "tokens": 1000 * i, "lr": 1e-4 * i, "time": 5.0 * i}
        )
        if i % 4 == 2:
            lines.append({"step": 10 * i, "eval_loss": 3 - i / 50})
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in lines))
    found = clean(read_history(path), warmup=0).rows
    assert found["step"].tolist() == [10 * i for i in range(2, 40, 4)]
    for key, rate in (("tokens", 100), ("lr", 1e-5), ("time", 0.5)):
        assert found[key].to_numpy() == pytest.approx(rate * found["step"].to_numpy())


def test_damaged_files_are_read_or_named_never_worse(tmp_path):
    """Random deletions, insertions and repeats in every text format."""
    rng = random.Random(SEED)
    rows = [(10 * i, round(3 - i / 50, 4)) for i in range(40)]
    texts = {
        "a.csv": "step,val_loss,time\n"
        + "".join(f"{s},{v},2026-01-01T00:{s // 10:02d}:00\n" for s, v in rows),
        "w.csv": '"Step","a - eval/loss","a - eval/loss__MIN"\n'
        + "".join(f'"{s}","{v}",""\n' for s, v in rows),
        "a.jsonl": "".join(json.dumps({"_step": s, "eval": {"loss": v}}) + "\n" for s, v in rows),
        "a.json": json.dumps({"log_history": [{"step": s, "loss": v} for s, v in rows]}),
    }
    read = 0
    for name, text in texts.items():
        for _ in range(150):
            damaged = list(text)
            for _ in range(rng.choice([1, 3, 10])):
                at = rng.randrange(len(damaged) - 40)
                kind = rng.random()
                if kind < 0.4:
                    damaged[at] = rng.choice(',"\n{}[]-e.9\0\tNaI\r;: ')
                elif kind < 0.7:
                    del damaged[at : at + rng.choice([1, 3, 30])]
                else:
                    damaged[at:at] = damaged[max(0, at - 50) : at]
            try:
                found = clean(read_history(write(tmp_path / name, "".join(damaged))))
            except (BadHistory, TableError):
                continue
            read += 1
            assert np.isfinite(found.rows[["step", "loss"]].to_numpy()).all()
            assert (np.diff(found.rows["step"]) > 0).all()
    assert read > 200

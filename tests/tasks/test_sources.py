"""The catalogue and the chain of sources, on real rows where they are, and on files made here."""

import numpy as np
import pandas as pd
import pytest
import real_rows

import tasks
from tasks.official import PINS
from tasks.split import validation_folds

COUNTS = {
    "finetune_vocab": (1080, 120, 1),
    "sft": (504, 42, 42),
    "domain_mixture": (80, 24, 4),
    "moe": (193, 28, 1),
    "data_constrained": (161, 21, 1),
    "lr_bsz": (2702, 117, 1),
    "parallel": (36, 12, 2),
    "u_shape": (389, 127, 9),
}
BUDGETS = {"parallel": 4, "finetune_vocab": 7, "sft": 4, "domain_mixture": 35, "moe": 6, "data_constrained": 7, "lr_bsz": None, "u_shape": 6}  # fmt: skip
OFFICIAL_PUBLISHED = {"parallel": 1.0, "finetune_vocab": 0.966, "sft": 0.957, "moe": 0.703, "u_shape": -1.0}


needs_rows = real_rows.mark("SLD_DATA_DIR", "vocab_scaling_law")


@pytest.fixture(autouse=True)
def closed_world(monkeypatch, tmp_path):
    monkeypatch.setenv("SLD_OFFLINE", "1")
    monkeypatch.setenv("SLD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path / "user"))
    monkeypatch.delenv("SLD_DATA_DIR", raising=False)


@needs_rows
@pytest.mark.parametrize("name", COUNTS)
def test_the_official_rows_are_what_the_pins_say(name):
    task = tasks.load(name, data_dir=real_rows.folder("SLD_DATA_DIR"))
    train, heldout, groups = COUNTS[name]
    assert (len(task.train), len(task.heldout), len(task.train.groups())) == (train, heldout, groups)
    pin = PINS[task.spec.official_name]
    assert (pin.n_train, pin.n_heldout) == (train, heldout)
    assert (task.provenance.train_hash, task.provenance.heldout_hash) == (pin.train, pin.heldout)
    assert task.provenance.official
    assert task.provenance.kind == "folder" and not task.provenance.simulated and task.provenance.note == ""


@needs_rows
@pytest.mark.parametrize("name", COUNTS)
def test_folds_are_cut_beyond_the_rows_they_leave(name):
    task = tasks.load(name, data_dir=real_rows.folder("SLD_DATA_DIR"))
    folds = validation_folds(task.spec, task.train)
    assert 1 <= len(folds) <= (3 if task.spec.extrapolate else 4)
    for fold in folds:
        assert len(np.intersect1d(fold.train, fold.validation)) == 0
        assert len(fold.train) + len(fold.validation) == len(task.train)
        assert 0.05 < len(fold.validation) / len(task.train) < 0.45
        if len(task.spec.extrapolate) == 1:
            axis = task.spec.feature_names.index(task.spec.extrapolate[0])
            for _, index in task.train.by_group():
                inside = task.train.X[np.intersect1d(index, fold.train), axis]
                beyond = task.train.X[np.intersect1d(index, fold.validation), axis]
                assert len(beyond) == 0 or beyond.min() > inside.max()


def test_budgets_and_aliases_are_the_benchmarks():
    assert {n: tasks.spec(n).constants_budget for n in tasks.names()} == BUDGETS
    assert tasks.resolve("vocab_scaling_law") == "finetune_vocab"
    assert tasks.resolve("easy_question_scaling_law") == "u_shape"
    for name in tasks.names():
        assert tasks.resolve(tasks.spec(name).official_name) == name


def test_published_scores_are_cited_and_not_ranked_as_ours():
    for name, human in OFFICIAL_PUBLISHED.items():
        scores = {p.system: p for p in tasks.spec(name).published}
        assert scores["Human laws"].r2 == human
        assert all(p.source and p.note and -1 <= p.r2 <= 1 for p in scores.values())
    assert not any("SimpleTES" in p.system for p in tasks.spec("sft").published)


def test_an_unknown_task_gets_the_nearest_name():
    with pytest.raises(tasks.UnknownTask, match="did you mean 'finetune_vocab'"):
        tasks.load("finetune_vocb")
    with pytest.raises(tasks.UnknownTask, match="tasks are finetune_vocab, sft"):
        tasks.spec("zzz")


def test_a_task_without_rows_names_every_source_that_was_tried(monkeypatch, tmp_path):
    with pytest.raises(tasks.DataUnavailable) as error:
        tasks.load("parallel")
    for word in (
        "SLD_DATA_DIR: not set",
        "cache",
        "hub: not asked",
        "nano",
        "parallel_scaling_law/train.csv",
    ):
        assert word in str(error.value)
    monkeypatch.setenv("SLD_DATA_DIR", str(tmp_path / "nothing"))
    with pytest.raises(tasks.DataUnavailable, match="is not a folder"):
        tasks.load("parallel")
    assert tasks.load("finetune_vocab").provenance.kind == "nano", "a bad SLD_DATA_DIR falls through"
    with pytest.raises(tasks.DataUnavailable, match="is not a folder"):
        tasks.load("finetune_vocab", data_dir=tmp_path / "nothing")


def moe_frame(n=8):
    rng = np.random.default_rng(2)
    size = 10.0 ** rng.uniform(7, 9, n)
    return pd.DataFrame(
        {
            "group": "all_data",
            "num_experts": 2.0,
            "dense_parameter_count": size,
            "loss_validation": 10 * size**-0.1,
        }
    )


def write(folder, train, test, end="csv"):
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in (("train", train), ("test", test)):
        path = folder / f"{name}.{end}"
        frame.to_csv(path, index=False) if end == "csv" else frame.to_parquet(path)
    return folder


@pytest.mark.parametrize("place", ["moe_scaling_law", "moe"])
@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_folders_by_either_name_and_in_either_format(tmp_path, place, end):
    write(tmp_path / place, moe_frame(), moe_frame(4), end)
    task = tasks.load("moe", data_dir=tmp_path)
    assert (len(task.train), len(task.heldout)) == (8, 4)
    assert "differ from the benchmark's official" in task.provenance.note
    assert tasks.load("moe", data_dir=tmp_path / place).provenance.train_hash == task.provenance.train_hash


def set_cell(row, column, value):
    def change(frame):
        frame = frame.astype({"num_experts": object})
        frame.loc[row, column] = value
        return frame

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.rename(columns={"num_experts": "num_expert"}), "no column 'num_experts'; did you mean 'num_expert'"),
        (set_cell(3, "dense_parameter_count", np.nan), "dense_parameter_count must be a finite number: 1 of 8 rows are not .first: line 5, the cell is empty"),
        (set_cell(0, "loss_validation", np.inf), "1 of 8 rows are not .first: line 2"),
        (set_cell(2, "num_experts", "many"), "num_experts=many"),
        (set_cell(4, "group", None), "line 6 has no group"),
        (lambda f: f.head(0), "the table has none"),
    ],
    ids=["header", "nan", "inf", "text", "group", "empty"],
)  # fmt: skip
def test_a_bad_table_is_named_by_file_line_and_column(tmp_path, change, message):
    write(tmp_path / "moe", change(moe_frame()), moe_frame(3))
    with pytest.raises(tasks.BadTable, match=message) as error:
        tasks.load("moe", data_dir=tmp_path)
    assert "train.csv" in str(error.value)


def test_files_that_are_no_tables(tmp_path):
    folder = write(tmp_path / "moe", moe_frame(), moe_frame(3))
    (folder / "train.csv").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(tasks.BadTable, match=r"expected text|no column|no rows"):
        tasks.load("moe", data_dir=tmp_path)
    (folder / "train.csv").unlink()
    with pytest.raises(tasks.DataUnavailable, match="only one of train and test"):
        tasks.load("moe", data_dir=tmp_path)


def test_a_held_out_group_without_training_rows_is_refused(tmp_path):
    write(tmp_path / "moe", moe_frame(), moe_frame(3).assign(group="other"))
    with pytest.raises(tasks.BadTable, match="held-out group 'other' has no training rows"):
        tasks.load("moe", data_dir=tmp_path)


def test_a_group_may_be_called_na(tmp_path):
    write(tmp_path / "moe", moe_frame().assign(group="NA"), moe_frame(3).assign(group="NA"))
    assert tasks.load("moe", data_dir=tmp_path).train.groups() == ["NA"]


def test_order_of_rows_is_part_of_a_digest():
    rows = tasks.load("finetune_vocab").train
    assert rows.take(np.arange(len(rows))[::-1]).digest() != rows.digest()


def test_sealed_rows_show_their_number_alone():
    sealed = tasks.load("finetune_vocab").heldout
    assert repr(sealed) == f"Sealed({len(sealed)} rows)"

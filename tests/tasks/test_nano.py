"""Our own measurements as tasks: columns and splits on rows made here, and the rows that ship."""

import numpy as np
import pandas as pd
import pytest

import tasks
from fitting import fit
from harness.terminal.options import add_data_options
from measure.store import COLUMNS, run_of
from tasks import nano
from tasks.sources import SOURCES


@pytest.fixture(autouse=True)
def closed_world(monkeypatch, tmp_path):
    monkeypatch.setenv("SLD_OFFLINE", "1")
    monkeypatch.setenv("SLD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SLD_TASKS_DIR", str(tmp_path / "user"))
    monkeypatch.delenv("SLD_DATA_DIR", raising=False)


def made_runs(path, experiment, n=120, seed=4):
    draw = np.random.default_rng(seed)
    mixtures = [
        "1 0 0 0 0",
        "0.2 0.2 0.2 0.2 0.2",
        *(f"{x / 64:.10g} {1 - x / 64:.10g} 0 0 0" for x in range(1, 41)),
    ]
    at = np.arange(n)
    frame = pd.DataFrame(dict.fromkeys(COLUMNS, 0), index=at).assign(
        id=[f"r{i}" for i in at],
        experiment=experiment,
        width=np.choose(at % 3, [12, 24, 48]),
        vocabulary=np.choose(at % 4, [128, 256, 512, 1024]),
        tokens=2.0 ** (10 + at % 5),
        parameters=np.choose(at % 3, [1e3, 4e3, 16e3]),
        non_embedding_parameters=np.choose(at % 3, [1e3, 4e3, 16e3]),
        dense_parameters=np.choose(at % 3, [1e3, 4e3, 16e3]),
        tune_kind=np.choose(at % 2, ["code", "prose"]),
        tune_examples=2 ** (at % 5),
        mixture=[mixtures[i % len(mixtures)] for i in at],
        loss=draw.normal(4, 1, n),
        **{f"loss_{kind}": draw.normal(k, 0.1, n) for k, kind in enumerate(nano.KINDS)},
    )
    frame.to_csv(path, index=False)
    return frame


@pytest.mark.parametrize("name", nano.MIRRORS)
def test_an_experiment_becomes_the_task_it_mirrors(tmp_path, name):
    mirror = nano.MIRRORS[name]
    made = made_runs(tmp_path / "runs.csv", mirror.experiment)
    task = nano.load_nano(tasks.spec(name), tmp_path / "runs.csv")
    assert len(task.train) + len(task.heldout) == len(made)
    assert task.train.X.shape[1] == len(task.spec.features)
    assert task.provenance.kind == "nano" and not task.provenance.official
    assert task.spec.published == () and "our own" in task.spec.paper
    if len(task.spec.extrapolate) == 1:
        axis = task.spec.feature_names.index(task.spec.extrapolate[0])
        for group, index in task.train.by_group():
            out = task.heldout._rows.X[task.heldout._rows.group == group, axis]
            assert out.min() > task.train.X[index, axis].max()


def test_fine_tuning_is_scored_on_the_kind_it_was_tuned_on(tmp_path):
    made = made_runs(tmp_path / "runs.csv", "sft")
    rows = nano.load_nano(tasks.spec("sft"), tmp_path / "runs.csv").train
    assert set(rows.groups()) == {f"width {w}, {k}" for w in (12, 24, 48) for k in ("code", "prose")}
    for group, index in rows.by_group():
        column = "loss_" + group.split(", ")[1]
        assert np.isin(np.round(rows.y[index, 0], 8), np.round(made[column], 8)).all()


def test_pure_and_equal_mixtures_are_never_held_out(tmp_path):
    made_runs(tmp_path / "runs.csv", "domain_mixture")
    task = nano.load_nano(tasks.spec("domain_mixture"), tmp_path / "runs.csv")
    out = task.heldout._rows.X
    assert 0.15 < len(out) / (len(out) + len(task.train)) < 0.35
    assert not (out.max(axis=1) == 1).any() and not (out == 0.2).all(axis=1).any()


def test_what_was_not_measured_says_so(tmp_path):
    with pytest.raises(tasks.DataUnavailable, match="'parallel': not measured; nano has finetune_vocab"):
        tasks.load("parallel", data_dir="nano")
    made_runs(tmp_path / "runs.csv", "vocab", n=6)
    with pytest.raises(
        tasks.DataUnavailable, match="6 rows measured so far, too few; harness measure run vocab"
    ):
        nano.load_nano(tasks.spec("finetune_vocab"), tmp_path / "runs.csv")


def test_the_option_of_the_commands_knows_every_source():
    import argparse

    p = argparse.ArgumentParser()
    add_data_options(p)
    (action,) = [a for a in p._actions if "--source" in a.option_strings]
    assert tuple(action.choices) == SOURCES
    assert p.parse_args(["--source", "nano"]).data_dir == "nano"
    assert p.parse_args([]).data_dir is None


def test_without_other_rows_our_own_are_used_and_the_official_ones_can_be_insisted_on():
    task = tasks.load("finetune_vocab")
    assert task.provenance.kind == "nano" and not task.provenance.simulated
    assert "compare with no published score" in task.provenance.note
    assert task.provenance == tasks.load("finetune_vocab", data_dir="nano").provenance
    with pytest.raises(tasks.DataUnavailable, match="no source has its rows") as error:
        tasks.load("finetune_vocab", data_dir="official")
    assert "nano" not in str(error.value)


def test_the_rows_that_ship_are_whole():
    """No row twice, none changed by hand (an id is a digest of the settings), a falling curve for each."""
    runs, curves = pd.read_csv(nano.RUNS), pd.read_csv(nano.CURVES)
    assert runs["id"].is_unique and tuple(runs.columns) == COLUMNS
    text = pd.read_csv(nano.RUNS, dtype=str, keep_default_na=False)
    assert all(run_of(row).id == row["id"] for row in text.to_dict("records"))
    assert (runs["unigram_normalized_loss"] - (runs["loss"] - runs["unigram_loss"])).abs().max() < 1e-5
    assert set(curves["id"]) == set(runs["id"])
    falls = curves.groupby("id").agg(["first", "last"]).loc[runs["id"]]
    settings = runs.set_index("id")
    slow = settings["lr"] < 0.02
    assert (falls["train_loss"]["last"] < falls["train_loss"]["first"])[slow].all()
    # Repeated text is learnt by heart, and a kind that a run never saw is forgotten.
    seen = (
        settings["tune_kind"].isna()
        & (settings["unique_tokens"] == settings["tokens"])
        & ~settings["mixture"].str.split(" ").map(lambda shares: "0" in shares)
    )
    assert (falls["validation_loss"]["last"] < falls["validation_loss"]["first"])[slow & seen].all()


def test_a_plain_chinchilla_law_explains_the_plane():
    rows = {new: nano.runs("plane")[old].astype(float) for new, old in nano.PLANE_COLUMNS.items()}
    result = fit("chinchilla", rows, target="L")
    assert result.r2 > 0.98

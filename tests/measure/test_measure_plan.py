"""What is planned and what was written down: settings, families, order of the text, rows. Needs no JAX."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from made_text import made_corpus

from measure.cli import main
from measure.errors import BadRequest
from measure.experiments import PARTS, planned
from measure.noise import noise_sd
from measure.order import training_order, tuning_order, validation
from measure.run import CONTEXT, Run, families
from measure.store import Store, run_of
from measure.text import _plain, _prose

RUN = Run("plane", 16, 24, 100)


def record(run, loss):
    """A finished run as the trainer gives it, with made numbers."""
    from dataclasses import asdict

    from measure.store import MEASURED

    point = {"tokens": run.tokens, "lr": 0.01, "train_loss": loss, "validation_loss": loss}
    return {"id": run.id, **dict.fromkeys(MEASURED, 1), **asdict(run), "tokens": run.tokens, "loss": loss, "curve": [point]}  # fmt: skip


def test_a_setting_changed_is_another_run():
    others = [replace(RUN, width=20), replace(RUN, seed=1), replace(RUN, lr=0.01), replace(RUN, unique=640)]
    assert len({RUN.id, *(r.id for r in others)}) == 5
    assert RUN.id == Run("plane", 16, 24, 100).id


@pytest.mark.parametrize(
    ("change", "words"),
    [({"schedule": "step"}, "expected one of wsd"), ({"steps": 0}, "at least 1"), ({"mixture": (1.0, 1.0, 0.0, 0.0, 0.0)}, "add up to 1")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(change, words):
    with pytest.raises(BadRequest, match=words):
        replace(RUN, **change)


def test_runs_of_one_trunk_are_a_family():
    longer, other, tuned = (
        replace(RUN, steps=400),
        replace(RUN, seed=1),
        replace(RUN, tune_kind="code", tune_examples=8),
    )
    found = families([longer, RUN, other, tuned, replace(tuned, tune_examples=16)])
    assert [[r.steps for r in group] for group in found] == [[100, 400], [100], [100, 100]]
    linear = [replace(RUN, schedule="linear", steps=s) for s in (100, 200)]
    assert len(families(linear)) == 2, "a schedule that depends on the end shares nothing"


def test_every_planned_run_is_planned_once():
    ids = [run.id for _, family in planned() for run in family]
    assert len(ids) == len(set(ids)) > 1000
    with pytest.raises(BadRequest, match="no experiment 'plan'; there are vocab, plane"):
        planned(["plan"])


def test_the_plans_are_as_wide_as_promised():
    by_budget = Counter(round(6 * _active(r) * r.tokens / 1e10) for r in PARTS["plane"]())
    assert sorted(by_budget) == [1, 2, 4, 8, 16, 32] and set(by_budget.values()) == {7}
    rows = [*PARTS["vocab"](), *PARTS["vocab_between"]()]
    assert len(rows) == 6 * 6 * 8
    for values in ([_size(r) for r in rows], [r.tokens for r in rows]):
        assert max(values) / min(values) > 30
    assert {run.experiment for _, family in planned() for run in family} == {
        "plane", "vocab", "schedule", "lr_bsz", "data_constrained", "domain_mixture", "sft", "moe"
    }  # fmt: skip


def _active(run):
    from measure.sizes import counts

    return counts(run.width, run.layers, run.vocabulary, run.experts)["active"]


def _size(run):
    from measure.sizes import counts

    return counts(run.width, run.layers, run.vocabulary, run.experts)["non_embedding"]


def test_a_longer_run_begins_with_the_text_of_a_shorter_one():
    text = made_corpus()
    short, long = training_order(RUN, text, 50), training_order(RUN, text, 300)
    n = len(short.kind)
    assert np.array_equal(short.kind, long.kind[:n]) and np.array_equal(short.start, long.start[:n])
    other = training_order(replace(RUN, seed=1), text, 50)
    assert not np.array_equal(short.start, other.start)


def test_text_repeats_only_when_it_runs_out():
    text = made_corpus()
    order = training_order(RUN, text, 200)
    windows = (len(text.train["code"]) - 1) // CONTEXT
    times = Counter(zip(order.kind.tolist(), order.start.tolist(), strict=True))
    for k in range(5):
        each = [n for (kind, _), n in times.items() if kind == k]
        assert max(each) - min(each) <= 1 or len(each) < windows
    few = training_order(replace(RUN, unique=20 * CONTEXT), text, 200)
    assert len(set(zip(few.kind.tolist(), few.start.tolist(), strict=True))) == 20
    again = training_order(replace(RUN, unique=20 * CONTEXT, seed=5), text, 200)
    assert set(zip(few.kind, few.start, strict=True)) == set(zip(again.kind, again.start, strict=True))


def test_shares_of_the_mixture_are_kept():
    order = training_order(replace(RUN, mixture=(0.0, 0.5, 0.25, 0.25, 0.0)), made_corpus(), 1000)
    shares = np.bincount(order.kind, minlength=5) / len(order.kind)
    assert np.abs(shares - [0, 0.5, 0.25, 0.25, 0]).max() < 0.03 and shares[0] == shares[4] == 0


def test_more_examples_of_fine_tuning_begin_with_the_fewer():
    text = made_corpus()
    few, more = (tuning_order(replace(RUN, tune_kind="prose", tune_examples=n), text) for n in (8, 32))
    assert np.array_equal(few.start, more.start[:8]) and len(set(more.start)) == 32


def test_more_examples_than_there_are_is_refused():
    with pytest.raises(BadRequest, match="asked for 94 examples, there are 93"):
        tuning_order(replace(RUN, tune_kind="prose", tune_examples=94), made_corpus())


def test_validation_text_is_cut_without_overlap():
    for rows in validation(made_corpus()).values():
        assert rows.shape == (9, CONTEXT + 1)
        assert np.array_equal(rows[1:, 0], rows[:-1, -1])


def test_text_is_folded_to_ascii_and_markup_goes(tmp_path):
    import struct
    import zlib

    assert _plain("caf\u00e9 \u2019s\r\n\x00ok  ") == "caf 's\nok"
    book = b'<chapter osisID="G.1"/><title>T</title><w>In</w> the <note>n</note>dark.<chapter eID="G.1"/>Next'
    block = zlib.compress(book)
    (tmp_path / "ot.bzz").write_bytes(block)
    (tmp_path / "ot.bzs").write_bytes(struct.pack("<III", 0, len(block), len(book)))
    assert list(_prose(tmp_path)) == ["In the dark.", "Next"]


def test_rows_are_appended_and_read_back_as_the_runs_they_were(tmp_path):
    store = Store(tmp_path)
    runs = [
        RUN,
        replace(
            RUN, experiment="sft", tune_kind="code", tune_examples=8, mixture=(0.0, 0.25, 0.25, 0.25, 0.25)
        ),
    ]
    for run in runs:
        store.add(record(run, 4.0))
    assert [run_of(row) for row in store.read().values()] == runs
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 3
    with store.alone(), pytest.raises(BadRequest, match="another process"), Store(tmp_path).alone():
        pass


def test_noise_is_pooled_over_what_was_repeated():
    draw = np.random.default_rng(8)
    runs = [
        (replace(RUN, steps=s, seed=k), s + draw.normal(0, 0.02)) for s in range(1, 201) for k in range(3)
    ]
    sd, free = noise_sd([*runs, (replace(RUN, width=99), 1e9)])
    assert free == 400 and sd == pytest.approx(0.02, rel=0.1)
    assert noise_sd(runs[::3])[1] == 0


def test_status_counts_rows_without_any_of_the_extra(tmp_path, capsys):
    Store(tmp_path).add(record(PARTS["plane"]()[0], 5.0))
    assert main(["--rows", str(tmp_path), "status"]) == 0
    assert "plane                1 of   42 rows" in capsys.readouterr().out

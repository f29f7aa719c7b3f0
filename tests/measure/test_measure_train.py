"""The trainer itself, on text made here. Needs the extra `measure`."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_text import made_corpus

jax = pytest.importorskip("jax")
pytest.importorskip("equinox")
pytest.importorskip("optax")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

from measure.model import build  # noqa: E402
from measure.rates import tail_rates, trunk_rates  # noqa: E402
from measure.run import CONTEXT, Run  # noqa: E402
from measure.sizes import counts  # noqa: E402
from measure.train import Trainer, train_family  # noqa: E402

RUN = Run("plane", 16, 24, 160)
SEED_OF_TEXT = 3


TEXT = made_corpus(length=20_000, seed=SEED_OF_TEXT)


@cache
def trainer(experts, seed):
    """Compiled once; it holds no state of a run."""
    return Trainer(replace(RUN, experts=experts, seed=seed), TEXT)


def results(*runs):
    return {r["id"]: r for r in train_family(list(runs), TEXT, trainer(runs[0].experts, runs[0].seed))}


def measured(record):
    return {k: v for k, v in record.items() if k not in ("seconds", "versions")}


def test_a_run_alone_and_in_its_family_is_the_same_to_the_bit():
    runs = [replace(RUN, steps=s) for s in (40, 160)]
    both = results(*runs)
    for run in runs:
        assert measured(results(run)[run.id]) == measured(both[run.id])


def test_a_seed_decides_and_loss_falls():
    first, again = results(RUN)[RUN.id], results(RUN)[RUN.id]
    assert measured(first) == measured(again)
    other = replace(RUN, seed=1)
    assert results(other)[other.id]["loss"] != first["loss"]
    losses = [p["validation_loss"] for p in first["curve"]]
    assert losses[0] > losses[-1] and first["loss"] < np.log(24) - 0.5
    assert first["unigram_normalized_loss"] == pytest.approx(first["loss"] - np.log(24))
    assert first["bits_per_character"] == pytest.approx(first["loss"] / np.log(2) / 2)


def test_fine_tuning_lowers_the_loss_of_its_kind_more_with_more_examples():
    mixture = (0.0, 0.25, 0.25, 0.25, 0.25)
    runs = [
        replace(RUN, experiment="sft", mixture=mixture, tune_kind="code", tune_examples=n) for n in (4, 256)
    ]
    found = results(*runs)
    assert found[runs[1].id]["loss_code"] < found[runs[0].id]["loss_code"] - 0.1
    assert measured(results(runs[1])[runs[1].id]) == measured(found[runs[1].id])


def test_experts_are_counted_and_trained():
    run = replace(RUN, experts=4)
    found = results(run)[run.id]
    assert found["loss"] < np.log(24) - 0.5
    model = build(16, 2, 24, 4, seed=0)
    size = sum(a.size for a in jax.tree.leaves(model) if hasattr(a, "size"))
    assert size == found["parameters"]
    assert counts(16, 2, 24, 1)["active"] + 2 * 16 * 4 == found["active_parameters"]


def test_no_token_sees_a_later_one():
    model = build(16, 2, 24, 1, seed=0)
    head = jax.numpy.asarray(np.random.RandomState(1).normal(size=(16, 24)))
    model = type(model)(model.embedding, model.blocks, model.norm, head)
    tokens = np.random.RandomState(2).randint(0, 24, (1, CONTEXT))
    changed = tokens.copy()
    changed[0, 40:] = (changed[0, 40:] + 1) % 24
    before, after = model(tokens)[0], model(changed)[0]
    assert np.array_equal(before[0, :40], after[0, :40]) and not np.allclose(before[0, 40:], after[0, 40:])


@pytest.mark.parametrize("schedule", ["wsd", "linear", "cosine", "constant"])
def test_rates_warm_up_and_end_as_their_schedule_says(schedule):
    run = replace(RUN, schedule=schedule)
    rates = np.concatenate([trunk_rates(run, run.trunk), tail_rates(run)])
    assert len(rates) == run.steps and rates[0] == run.lr / run.warmup
    assert rates.max() == pytest.approx(run.lr, rel=0.01)
    assert rates[-1] == pytest.approx(run.lr if schedule == "constant" else 0.0, abs=1e-12)

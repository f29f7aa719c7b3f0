"""Bandit, ledger, residual patterns, addresses, memory: the small parts, one by one."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from in_flight_cases import SPEC, toy_task

from harness.config import load_config, parse_config
from harness.errors import BadConfig
from harness.proposers.llm.bandit import Bandit, gain
from harness.proposers.llm.ledger import Ledger, estimate_tokens
from harness.proposers.llm.memory import terms
from harness.proposers.llm.patterns import residual_patterns
from harness.proposers.llm.reply import Reply, Status
from harness.proposers.llm.settings import Access, LlmConfig, ModelConfig, accesses, with_model
from harness.proposers.llm.staged import staged_evaluation
from harness.proposers.share import Share

SEED = 3


def pulls(rewards, costs, rounds=400):
    print("seed", SEED)
    rng = np.random.default_rng(SEED)
    bandit = Bandit(tuple(rewards))
    counts = dict.fromkeys(rewards, 0)
    for _ in range(rounds):
        arm = bandit.choose(rng)
        counts[arm] += 1
        bandit.started(arm)
        bandit.learn(arm, float(rng.random() < rewards[arm]), costs[arm])
    return counts


def test_the_arm_that_gains_most_is_pulled_most_and_none_is_forgotten():
    counts = pulls({"a": 0.05, "b": 0.4, "c": 0.1}, {"a": 1.0, "b": 1.0, "c": 1.0})
    assert counts["b"] > 0.5 * 400
    assert min(counts.values()) >= 5


def test_gain_is_weighed_against_cost():
    counts = pulls({"dear": 0.3, "cheap": 0.2}, {"dear": 30.0, "cheap": 1.0})
    assert counts["cheap"] > 2 * counts["dear"]


def test_an_arm_that_turns_good_is_found():
    rng = np.random.default_rng(SEED)
    bandit = Bandit(("a", "b"))
    late = []
    for i in range(800):
        arm = bandit.choose(rng)
        good = "a" if i < 400 else "b"
        bandit.learn(arm, 0.5 * (arm == good), 1.0)
        late.append(arm)
    assert late[300:400].count("a") > 60 and late[700:].count("b") > 60


def test_gain_is_in_logs_and_never_negative():
    assert gain(0.2, 0.1) == pytest.approx(np.log(2))
    assert gain(0.1, 0.2) == gain(0.1, float("nan")) == gain(0.0, 0.1) == 0.0
    assert gain(1e9, 1e-9) == 1.0


def test_each_side_of_a_mixed_search_keeps_a_share():
    share = Share()
    for _ in range(200):
        share.learn("llm", 0.1, 0.05)
        share.learn("formula", 0.1, 0.2)
    assert share.of_llm() == 0.8
    for _ in range(600):
        share.learn("llm", 0.1, None)
        share.learn("formula", 0.1, 0.05)
    assert share.of_llm() == 0.2


def test_the_ledger_books_what_servers_count_and_estimates_what_they_do_not():
    model = ModelConfig("m", price_in=2.0, price_out=10.0, max_tokens=100)
    ledger = Ledger(LlmConfig(max_cost=0.01), {"m": model})
    price = ledger.settle(0, "m", "prompt", Reply(Status.OK, "x", tokens_in=1000, tokens_out=100))
    assert price.cost == pytest.approx(0.003) and ledger.estimated == 0
    ledger.settle(1, "m", "x" * 300, Reply(Status.CUT, "y" * 30))
    assert (ledger.tokens_in, ledger.tokens_out) == (
        1000 + estimate_tokens("x" * 300),
        100 + estimate_tokens("y" * 30),
    )
    ledger.settle(2, "m", "x" * 300, Reply(Status.CONNECTION))
    ledger.settle(3, "m", "x" * 300, Reply(Status.OK, "z", tokens_in=9, tokens_out=9, cached=True))
    assert ledger.requests == 4 and ledger.bad == 2 and ledger.cached == 1
    assert ledger.tokens_in < 1200
    most = ledger.most("m", "x" * 3000)
    assert (most.tokens_in, most.tokens_out) == (2 * 1001, 2 * 100), "one more try may be paid for"
    assert ledger.may_spend(most)
    ledger.reserve(4, most)
    assert not ledger.may_spend(most), "what is in flight is set aside"
    assert "money" in ledger.line() and ledger.facts()["models"]["m"]["requests"] == 4


def test_what_may_have_been_paid_uncounted_is_booked_at_its_most():
    model = ModelConfig("m", max_tokens=100)
    prompt = "x" * 300
    once = estimate_tokens(prompt)
    for reply, booked in (
        (Reply(Status.TIMEOUT), (once, 100)),
        (Reply(Status.TIMEOUT, tokens_in=0, tokens_out=0), (0, 0)),
        (Reply(Status.RATE_LIMIT), (0, 0)),
        (Reply(Status.OK, "z", tokens_in=9, tokens_out=9, earlier=(7, 5, 0)), (16, 14)),
        (Reply(Status.OK, "z", tokens_in=9, tokens_out=9, earlier=(0, 0, 1)), (9 + once, 109)),
    ):
        ledger = Ledger(LlmConfig(), {"m": model})
        ledger.settle(0, "m", prompt, reply)
        assert (ledger.tokens_in, ledger.tokens_out) == booked, reply
        assert Reply.of(reply.facts()).earlier == reply.earlier
        most = ledger.most("m", prompt)
        assert booked[0] <= most.tokens_in and booked[1] <= most.tokens_out


def test_a_model_without_price_is_not_held_back_by_money():
    ledger = Ledger(
        LlmConfig(max_cost=0.0), {"free": ModelConfig("free"), "dear": ModelConfig("dear", price_in=1.0)}
    )
    assert ledger.may_spend(ledger.most("free", "prompt"))
    assert not ledger.may_spend(ledger.most("dear", "prompt"))


def test_patterns_say_where_a_law_goes_wrong():
    rows = toy_task().train
    predicted = rows.y.copy()
    predicted[rows.group == "pile"] += 0.1
    predicted[:, 0] += 0.2 * (rows.X[:, 1] == 4.0)
    text = "\n".join(residual_patterns(SPEC, "outer 33%", rows, predicted))
    assert "over-predicts" in text
    assert "by group, worst first: pile +" in text
    assert "along P" in text and "at 4" in text and "outermost level alone: over-predicts" in text
    perfect = residual_patterns(SPEC, "outer 33%", rows, rows.y)
    assert len(perfect) == 2 and all("no clear bias" in line for line in perfect)


def test_terms_of_a_law_lose_their_constants():
    names = ("N", "D", "V")
    law = "c0 + c1*N**-a1 + c2*(D + s2)**-a2*log(V)"
    assert terms(law, names) == ("c*N**-c", "c*(D + c)**-c*log(V)")
    assert terms(law.replace("c2", "Big").replace("a1", "alpha") + " (as stated)", names) == terms(law, names)
    assert terms("", names) == terms("a law in words", names) == ()


def test_keys_go_to_the_endpoint_they_belong_to():
    own = ModelConfig("own", base_url="http://127.0.0.1:1/v1")
    named = ModelConfig("named", base_url="http://127.0.0.1:2/v1", api_key_env="OTHER")
    plain = ModelConfig("plain")
    env = {"OPENAI_API_KEY": "sk-1", "OTHER": "sk-2"}
    found = {a.config.model: a for a in accesses(LlmConfig(models=(own, named, plain)), env)}
    assert (found["own"].key, found["named"].key, found["plain"].key) == (None, "sk-2", "sk-1")
    assert found["plain"].base_url.startswith("https://api.openai.com")
    assert "sk-" not in repr(found)
    local = accesses(LlmConfig(models=(plain,)), {"OPENAI_BASE_URL": "http://127.0.0.1:3/v1"})
    assert local[0].key is None and local[0].place == "127.0.0.1:3/v1"
    with pytest.raises(BadConfig, match="listed twice"):
        accesses(LlmConfig(models=(plain, plain)), env)
    chosen = with_model(LlmConfig(models=(own, named)), "named")
    assert chosen.models == (named,)
    assert with_model(LlmConfig(), "new").models == (ModelConfig("new"),)


def test_stages_give_the_outcome_of_a_whole_validation(tmp_path):
    from in_flight_cases import SEED_PROGRAM
    from scripted_models import LAWS

    from evaluator import Evaluator, LocalSandbox
    from harness.proposers.llm.edits import Parts
    from harness.record.facts import outcome_text
    from tasks.split import validation_folds

    task = toy_task()
    folds = validation_folds(task.spec, task.train)
    programs = [Parts.of(SEED_PROGRAM).with_block(b) for b in LAWS[:2]] + [
        SEED_PROGRAM.replace("0.2]", "0.2] * 9")
    ]
    with LocalSandbox(workers=1) as sandbox:
        evaluator = Evaluator(sandbox)
        run = staged_evaluation(evaluator, task, folds)
        for program in programs:
            staged = run(program, lambda signature: "")
            assert outcome_text(staged.outcome) == outcome_text(evaluator.validate(program, task, folds))
        first = run(programs[0], lambda signature: "")
        twin = run(programs[0], lambda signature: "c000007" if signature == first.signature else "")
    assert twin.outcome is None and twin.twin == "c000007"
    assert first.patterns


def test_the_commented_config_tells_the_truth():
    path = Path(__file__).resolve().parents[2] / "configs" / "llm.yaml"
    config = load_config(path)
    assert replace(config.llm, max_tokens=None) == LlmConfig()
    assert set(yaml.safe_load(path.read_text())["llm"]) == {f.name for f in fields(LlmConfig)}
    example = path.read_text().split("name the variable.\n#\n")[1]
    models = yaml.safe_load("\n".join(line.removeprefix("#  ") for line in example.splitlines()))["models"]
    parsed = parse_config({"llm": {"models": models}}, "example").llm.models
    assert [m.model for m in parsed] == ["big-model", "local-model"]
    assert parsed[1].parameters == {"top_p": 0.95}
    named = {name for m in models for name in m}
    assert named == {f.name for f in fields(ModelConfig)}, "every setting of a model is shown"


def test_a_key_of_a_letter_is_no_secret_that_would_be_cut_from_every_word():
    config = ModelConfig("m")
    assert Access(config, "http://127.0.0.1/v1", "x").secrets == ()
    assert Access(config, "http://127.0.0.1/v1", "sk-12345678", {}, ("a-long-header",)).secrets == (
        "sk-12345678",
        "a-long-header",
    )

"""Whole prompts, as a model reads them, against the texts in `prompts/`.

After a wanted change: `python tests/llm/test_llm_prompts.py` writes them anew; read the difference.
"""

import io
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dataclasses import replace

import numpy as np
import pytest
from families import FAMILIES, family_task
from in_flight_cases import QUICK, SEED, SEED_PROGRAM, Case, made_up, toy_task
from scripted_models import LAWS, fenced

from evaluator.metric import score
from evaluator.outcome import Failed, Failure, Scored
from harness.proposers.assignment import Assignment
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import FormulaProposer, free_draft
from harness.proposers.llm.bandit import Bandit
from harness.proposers.llm.context import task_facts, took
from harness.proposers.llm.edits import Unusable
from harness.proposers.llm.fits import fit_line
from harness.proposers.llm.ledger import estimate_tokens
from harness.proposers.llm.patterns import residual_patterns
from harness.proposers.llm.prompts import PLACES, Templates
from harness.proposers.llm.proposer import LlmProposer
from harness.proposers.llm.reply import Reply, Status
from harness.proposers.llm.staged import Staged
from harness.record.journal import Journal
from harness.search.search import Search, SearchSettings
from tasks import Task
from tasks.split import validation_folds

GOLDEN = Path(__file__).resolve().parent / "prompts"
KINDS = ("full", "diff", "cross", "repair", "memo", "turn")
MOST_TOKENS = 2500


def family_prompt(name):
    """The prompt about a law line of one task family: a power law, tried and scored, and another for ideas."""
    task = family_task(name)
    assignment = Assignment.of(task)
    llm = LlmProposer(QUICK, assignment)
    llm.operators = Only(("diff",))
    starters = FormulaProposer(assignment.facts, assignment.title).starters()[:3]
    search = Search(None, assignment.n_constants, starters, SearchSettings(), SEED)
    for shift in (0.4, 0.3, 0.5):
        candidate = search.ask()
        llm.met(candidate)
        cards, patterns, fits = {}, [], []
        for fold in assignment.folds:
            inner, rows = task.train.take(fold.train), task.train.take(fold.validation)
            wrong = shift * rows.y.std(axis=0) * (0.5 + np.linspace(0, 1, len(rows)))[:, None]
            constants = {
                "all": tuple(np.linspace(0.1, 0.5, len(candidate.draft.constants) * len(task.spec.targets)))
            }
            fits.append(
                fit_line(
                    assignment.facts,
                    candidate.program,
                    fold.name,
                    (inner, inner.y * 1.01),
                    (rows, rows.y + wrong),
                    constants,
                )
            )
            cards[fold.name] = score(rows.y, rows.y + wrong, rows.group)
            patterns += residual_patterns(task.spec, fold.name, rows, rows.y + wrong)
        outcome = Scored(cards, constants, len(constants["all"]), 0.1)
        staged = Staged(outcome, "", (shift,), tuple(patterns), tuple(fits), None, 0.2)
        is_best = search.tell(candidate, outcome) is not None
        llm.tell(candidate, outcome, search, is_best, staged)
    plan, rng = search.plan()
    return llm.request(0, plan, search, rng, ["fake"])


class Only(Bandit):
    """Chooses its one arm, whatever is offered."""

    def choose(self, rng, among=None):
        return self.arms[0]


def scored(program):
    """A made-up outcome with residuals of the training rows: predictions are too high in one group, and at P = 4."""
    staged = made_up(program + "#", lambda signature: "")
    rows = toy_task().train
    predicted = rows.y + 0.1 * (rows.group == "pile")[:, None] + 0.2 * (rows.X[:, 1:] == 4.0)
    lines = residual_patterns(toy_task().spec, "outer 33%", rows, predicted)
    fits = ("- outer 10%: rms error 0.05 on fitted rows, 0.41 on hidden rows; stack: p0=0.7, p1=0.8, p2=0.2",)
    return Staged(staged.outcome, "", staged.signature, tuple(lines), fits, None, 7.0)


def prompts(path):
    """One prompt of each kind from one small search: four laws, a crash, an answer in prose, a memo."""
    case = Case(path, "http://127.0.0.1:9/v1", QUICK)
    with Journal.create(path, {"seed": SEED}) as journal:
        state = case.state(journal)
        llm = state.llm
        facts = TaskFacts.of(toy_task().spec, toy_task().train)
        # without the starter, whose text belongs to the formula proposer
        state.search = Search(None, 4, [free_draft(SEED_PROGRAM, facts)], SearchSettings(), SEED)

        def ask(operator):
            llm.operators = Only((operator,))
            plan, rng = state.search.plan()
            return llm.request(state.numbers, plan, state.search, rng, ["fake"])

        seed = state.ask()
        state.evaluated(seed, scored(seed.program))
        for i, law in enumerate(LAWS):
            request = ask("full")
            state.request(request)
            state.reply(request.number, Reply(Status.OK, fenced(law), tokens_in=700, tokens_out=300))
            (candidate,) = state.waiting.values()
            crash = Failed(
                Failure.EXCEPTION,
                "fold 'outer 33%': fit, group 'pile': LinAlgError: SVD did not converge",
                "program.py:19 in solve: c = np.linalg.lstsq(phi, y, rcond=None)[0]",
            )
            state.evaluated(candidate, Staged(crash) if i == 1 else scored(candidate.program))
        request = ask("full")
        state.request(request)
        state.reply(request.number, Reply(Status.OK, "I would add a term.", tokens_in=700, tokens_out=9))
        ((first, reply, wrong),) = state.mending
        assert isinstance(wrong, Unusable)
        found = {"repair": state.mend((first, reply, wrong))}
        state.leave(first.number)
        llm.memory.mend(wrong.reason, wrong.detail)
        llm.memory.memo = "- powers of P saturate\n- nobody has tried a floor that depends on P"
        found |= {operator: ask(operator) for operator in ("full", "diff", "cross")}
        found["memo"] = llm.reflection(state.numbers, state.search, ["fake"])
        llm.memory.hint = "The floor may depend on P."
        llm.settings = replace(QUICK, tools=True)
        request = ask("full")
        state.request(request)
        text = "CALL: fit(E + A*N**-a*P**-b)"
        state.reply(request.number, Reply(Status.OK, text, tokens_in=700, tokens_out=9))
        state.called(
            request.number, "- outer 10%: rms error 0.02 on fitted rows, 0.05 on hidden rows; c0=0.7"
        )
        found["turn"] = state.talk(state.talking[0])
    return {name: text_of(request) for name, request in found.items()}


def text_of(request):
    out = io.StringIO()
    for role, text in request.messages:
        out.write(f"======== {role}\n{text.rstrip()}\n")
    return out.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prompts(tmp_path_factory.mktemp("prompts") / "j.sqlite")


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_prompt_reads_as_it_should(kind, made):
    golden = (GOLDEN / f"{kind}.txt").read_text(encoding="utf-8")
    assert made[kind] == golden, f"run `python {Path(__file__).name}` and read what changed"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_prompt_of_every_family_reads_as_it_should_and_is_short(name):
    request = family_prompt(name)
    assert text_of(request) == (GOLDEN / f"family_{name}.txt").read_text(encoding="utf-8")
    assert estimate_tokens(request.prompt) < MOST_TOKENS, "counted with care, at three bytes a token"
    assert "LAW: c0" in request.prompt and "np.linalg" not in request.prompt, "a law is shown as its line"
    for needed in (
        "Known laws",
        "fitted rows",
        "hidden rows",
        "hides",
        "processor time",
        "levels",
        "`from fitting import fit`",
    ):
        assert needed in request.prompt, needed


def test_the_time_of_a_fit_is_told_coarsely_and_where_it_matters():
    """Times differ from run to run; a prompt that held them would differ too, and the whole search after it."""
    assert took(0.05, 30.0) == took(0.06, 30.0) == took(2.9, 30.0) == ""
    assert took(7.0, 30.0) == took(9.0, 30.0) == ", its fit takes about 8 s"


def test_prompts_have_no_place_left_empty(made):
    for kind, text in made.items():
        assert "{{" not in text and "}}" not in text, kind
        assert ": None" not in text and "error nan" not in text, kind
    assert set(PLACES) >= set(KINDS)


def test_the_facts_hold_what_a_scientist_needs():
    task = toy_task()
    text = task_facts(task.spec, task.train, validation_folds(task.spec, task.train))
    for needed in ("N [parameters]: 5e+08 to 4e+09, 4 levels", "P [1]: 1 to 4", "nats per token", "stack 12",
                   "along P", "At most 4 constants", "outer"):  # fmt: skip
        assert needed in text, needed
    assert task.spec.split_rule not in text, "how held-out rows were chosen is not told"


def test_no_held_out_value_of_any_kind_can_enter_a_prompt(tmp_path, made, monkeypatch):
    """With other held-out rows behind it, features and targets, every prompt is the same."""
    other = toy_task(heldout=-77777.7)
    assert other.train.digest() == toy_task().train.digest()
    monkeypatch.setattr("in_flight_cases.toy_task", lambda: other)
    monkeypatch.setattr(sys.modules[__name__], "toy_task", lambda: other)
    assert prompts(tmp_path / "j.sqlite") == made


def test_a_proposer_never_touches_the_sealed_rows(tmp_path, monkeypatch):
    """A task whose held-out rows break whoever looks at them makes prompts like any other."""

    class Trap:
        def __getattr__(self, name):
            raise AssertionError(f"held-out rows were touched: {name}")

    task = toy_task()
    trapped = Task(task.spec, task.train, Trap(), task.provenance)
    monkeypatch.setattr("in_flight_cases.toy_task", lambda: trapped)
    assert set(prompts(tmp_path / "j.sqlite")) == set(KINDS)


def test_a_template_fills_each_place_once():
    values = dict.fromkeys(PLACES["full"] | PLACES["cross"], "x") | {"parent": "{{memo}}"}
    text = Templates().fill("full", values)
    assert "{{memo}}" in text, "what a program holds is not taken for a place"


if __name__ == "__main__":
    import tempfile

    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in prompts(Path(folder) / "j.sqlite").items():
            (GOLDEN / f"{name}.txt").write_text(text, encoding="utf-8")
    for name in FAMILIES:
        request = family_prompt(name)
        print(name, estimate_tokens(request.prompt), len(request.prompt) // 4)
        (GOLDEN / f"family_{name}.txt").write_text(text_of(request), encoding="utf-8")

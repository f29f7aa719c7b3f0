"""Feeds what others write to whoever reads it: programs, models' replies, configs, journals, tables, for as long as wanted.

    python -m tests.fuzz                       # ten minutes, two for each kind (make fuzz)
    python -m tests.fuzz --minutes 1 --only tables journals

Hypothesis makes the inputs: texts of the right kind with parts cut out, doubled, swapped and replaced by what has upset readers
before. A reader may take an input or refuse it with one of our errors, of one line that a screen can show. Anything else is printed,
made as small as Hypothesis can, and the exit code is 1. Programs are also scored in the sandbox, one in so many.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "evaluator"))
sys.path.insert(0, str(Path(__file__).parent / "llm"))

from evaluator_cases import QUICK, make_folds, make_task, program
from fuzz_inputs import changed, trees
from in_flight_cases import SEED_PROGRAM, toy_task

from evaluator import Evaluator, Failed, LocalSandbox, Scored, contract
from evaluator.foreign import form_of
from evaluator.literals import literals
from evaluator.pasted import explain
from harness.config import Config, load_config
from harness.pages.view import view_of
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import free_draft
from harness.proposers.llm.answers import Answers
from harness.proposers.llm.wire import read_body
from harness.record.chain import first_link, link
from harness.record.damage import COLUMNS
from harness.record.journal import Journal
from harness.record.run_folder import RunFolder
from harness.run.beginning import read_program
from harness.search.candidate import Candidate, Draft
from harness.terminal.edges import is_ours
from tables import read_bytes
from tables.documents import read_yaml
from tasks.user_spec import spec_from

ROOT = Path(__file__).resolve().parents[1]
SCORED_EVERY = 20
"""One program in so many is also run."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input: how it is made, and what reads it."""

    inputs: st.SearchStrategy[Any]
    reads: Callable[[Any], None]


def programs(place: Path, box: LocalSandbox) -> Kind:
    task, counted = make_task(), iter(range(10**9))
    facts, folds = TaskFacts.of(task.spec, task.train), make_folds(task)[:1]
    evaluator = Evaluator(box, QUICK)
    known = [program(), SEED_PROGRAM, *(p.read_text() for p in sorted((ROOT / "seeds").glob("*/*.py"))[:6])]

    def reads(text: str) -> None:
        file = place / "program.py"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        with refused():
            read_program(file)
        for reader in (contract.imported_modules, contract.named_modules, form_of, literals, explain):
            reader(text)
        broken = contract.check(text)
        one_line(broken)
        if broken is None:
            free_draft(text, facts)
            if next(counted) % SCORED_EVERY == 0:
                outcome = evaluator.validate(text, task, folds)
                assert isinstance(outcome, Scored | Failed), outcome
                one_line(outcome)

    return Kind(changed(known), reads)


def replies(place: Path, box: LocalSandbox) -> Kind:
    task = toy_task()
    answers = Answers(TaskFacts.of(task.spec, task.train), "toy")
    said = [SEED_PROGRAM, f"```python\n{SEED_PROGRAM}\n```", "LAW: E + A*N**-alpha", "<think>x</think>\nLAW: a + b*N",
            "<<<<<<< SEARCH\nreturn\n=======\nreturn 1\n>>>>>>> REPLACE\n", "CALL: fit(E + A*N**-a)"]  # fmt: skip
    whole = json.dumps(
        {
            "choices": [{"message": {"content": said[1]}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3},
        }
    )
    piece = json.dumps(
        {
            "choices": [
                {
                    "delta": {
                        "content": "LAW: a",
                        "tool_calls": [{"index": 0, "function": {"name": "fit", "arguments": "{}"}}],
                    }
                }
            ]
        }
    )
    bodies = [whole, f"data: {piece}\n\ndata: [DONE]\n", '{"error": {"message": "x", "code": 429}}', "<html>"]
    made = trees().map(lambda tree: json.dumps({"choices": [tree], "usage": tree, "error": tree}))
    stream = trees().map(lambda tree: f"data: {json.dumps({'choices': [{'delta': tree}]})}\n")

    def reads(given: tuple[str, str]) -> None:
        body, text = given
        for kind in ("application/json", "text/event-stream"):
            answers._read(read_body(body.encode("utf-8", "surrogatepass"), kind).text, SEED_PROGRAM, "x")
        answers._read(text, SEED_PROGRAM, "x")

    return Kind(st.tuples(st.one_of(changed(bodies), made, stream), changed(said)), reads)


def configs(place: Path, box: LocalSandbox) -> Kind:
    known = [p.read_text() for p in sorted((ROOT / "configs").glob("*.yaml"))] + [
        yaml.safe_dump(Config().as_dict())
    ]
    spec = "name: mine\nfeatures: [N, D]\ntargets: [loss]\nextrapolate: [N]\nfalls_with: [N]\n"

    def reads(given: tuple[str, str]) -> None:
        file = place / "config.yaml"
        file.write_bytes(given[0].encode("utf-8", "surrogatepass"))
        with refused():
            load_config(file)
        with refused():
            spec_from(read_yaml(given[1]), "spec.yaml")

    dumped = trees().map(lambda tree: yaml.safe_dump(tree, allow_unicode=True))
    return Kind(st.tuples(st.one_of(changed(known), dumped), st.one_of(changed([spec]), dumped)), reads)


def journals(place: Path, box: LocalSandbox) -> Kind:
    whole = place / "whole"
    RunFolder.create(place, "toy", Config(), "whole")
    with Journal.create(
        whole / "journal.sqlite", {"task": "toy", "train_hash": "t", "config": {}, "simulated": False}
    ) as journal:
        journal.record("started", {"sandbox": "s"})
        outcome = Evaluator(box, QUICK).validate(program(), make_task(), make_folds(make_task()))
        for i in range(4):
            text = f"{program()}\n# {i}\n"
            draft = Draft(
                text, key=f"k{i}", law="a + b*N", shape="s", edit="seed", constants=("a", "b"), size=3
            )
            journal.append(Candidate(f"c{i}", text, None, None, 0, 0, "formula", draft), outcome, float(i))
        journal.record("finished", {"winner": "c1", "voters": ["c0"], "passed_over": {}, "ending": "budget"})
    data = (whole / "journal.sqlite").read_bytes()
    with Journal(whole / "journal.sqlite", read_only=True) as journal:
        payloads = [json.dumps(line.facts()) for line in journal.lines()]
    broken_file = st.tuples(
        st.just("bytes"),
        st.lists(st.tuples(st.integers(0, len(data) - 1), st.binary(min_size=1, max_size=8)), max_size=4),
        st.integers(0, 9000),
    )
    false_row = st.tuples(
        st.just("row"), st.integers(1, len(payloads)), st.one_of(changed(payloads), trees().map(json.dumps))
    )

    def reads(given: tuple[str, Any, Any]) -> None:
        how, what, more = given
        folder = place / "fuzzed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        path = folder / "journal.sqlite"
        if how == "bytes":
            damaged = bytearray(data)
            for at, part in what:
                damaged[at : at + len(part)] = part
            path.write_bytes(
                damaged[: len(damaged) - more] if more < len(damaged) and more % 3 == 0 else damaged
            )
        else:
            forge(path, what, more)
        for damaged in (False, True):
            with refused(), Journal(path, read_only=True, damaged=damaged) as journal:
                for use in (
                    journal.meta,
                    journal.events,
                    journal.counts,
                    journal.whole,
                    journal.seconds_spent,
                ):
                    with refused():
                        use()
                for lines in (journal.entries, journal.evaluations, journal.lines):
                    with refused():
                        list(lines())
                for line in journal.lines():
                    with refused():
                        line.facts()
                with refused():
                    journal.export(io.StringIO(), times=True)
        with refused():
            view = view_of(folder)
            assert all(isinstance(p.told.law, str) for p in view.points) and view.lineage() is not None
        with refused(), Journal(path) as journal:
            journal.record("resumed")

    return Kind(st.one_of(broken_file, false_row), reads)


def forge(path: Path, seq: int, payload: str) -> None:
    """Put another payload into a journal, and make every hash fit: what a hash can't show is still to be read safely."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "UPDATE entries SET payload = ? WHERE seq = ?", (payload.encode("utf-8", "replace").decode(), seq)
        )
        before = first_link(db.execute("SELECT key, value FROM meta"))
        for row in db.execute(f"SELECT {COLUMNS} FROM entries ORDER BY seq").fetchall():
            before = link(before, row)
            db.execute("UPDATE entries SET hash = ? WHERE seq = ?", (before, row[0]))
        db.execute("UPDATE head SET hash = ?", (before,))


def tables(place: Path, box: LocalSandbox) -> Kind:
    known = ["N,D,loss\n1e6,2e7,3.1\n2e6,4e7,2.9\n", "N;D;loss\n1,5;2,5;3\n", "step\tloss\n1\t2\n2\tnan\n", '"a","b"\n"1,2","x\ny"\n',
             '{"step": 1, "loss": 2.5}\n{"step": 2, "eval": {"loss": 2}}\n', '[{"N": 1, "loss": 2}, {"N": 2}]', '{"N": [1, 2], "loss": [3, 4]}',
             "| N | loss |\n|---|---|\n| 1 | 2 |\n", "# comment\nN loss\n1 2\n3 4\n"]  # fmt: skip

    def reads(given: str | bytes) -> None:
        data = given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass")
        with refused():
            table = read_bytes(data, "given.csv")
            for name in list(table.columns)[:6]:
                for use in (table.numbers, table.labels):
                    with refused():
                        use(name)

    heads = st.sampled_from(
        (
            b"PAR1",
            b"PK\x03\x04",
            b"\x1f\x8b",
            b"BZh9",
            b"\xfd7zXZ\0",
            b"\x28\xb5\x2f\xfd",
            b"ARROW1\0\0",
            b"\xff\xfe",
            b"",
        )
    )
    return Kind(
        st.one_of(changed(known), st.tuples(heads, st.binary(max_size=200)).map(lambda p: p[0] + p[1])), reads
    )


KINDS = {"programs": programs, "replies": replies, "configs": configs, "journals": journals, "tables": tables}


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """An input may be refused, by an error of ours on one line."""
    try:
        yield
    except Exception as error:
        if not is_ours(error):
            raise
        assert "\n" not in str(error).strip(), f"several lines: {error!r}"
        assert len(str(error)) < 4000, f"{len(str(error))} characters"


def one_line(outcome: object) -> None:
    if isinstance(outcome, Failed):
        outcome.detail.encode()
        assert "\n" not in outcome.detail and len(outcome.detail) < 4000, outcome.detail[:200]


def fuzz(kind: Kind, number: int, examples: int) -> str | None:
    """What one round of inputs upset, as a traceback with the smallest input; None where nothing did."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(kind.inputs)
    def each(value: Any) -> None:
        kind.reads(value)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            each()
    except Exception:
        return traceback.format_exc()
    return None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="in all (default: 10)")
    parser.add_argument(
        "--only", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of input (default: all)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first round (default: 0)")
    args = parser.parse_args(argv)
    upset = 0
    with tempfile.TemporaryDirectory() as place, LocalSandbox(workers=1) as box:
        for name in args.only:
            kind, n = KINDS[name](Path(place), box), 0
            until = time.monotonic() + 60 * args.minutes / len(args.only)
            while time.monotonic() < until:
                found = fuzz(kind, args.seed + n, EXAMPLES)
                n += 1
                if found is not None:
                    upset += 1
                    print(f"{name}, seed {args.seed + n - 1}:\n{found}", flush=True)
            print(f"{name}: {n * EXAMPLES} inputs", flush=True)
    print(f"{upset} rounds with a traceback")
    return 1 if upset else 0


EXAMPLES = 50
"""Inputs of a round."""


if __name__ == "__main__":
    sys.exit(main())

"""Damage to a journal is named or does no harm; what is intact can be used; old journals are brought up."""

import io
import random
import sqlite3
from contextlib import closing

import pytest

from evaluator.outcome import Failed, Failure, Scorecard, Scored
from evaluator.reveal import Report
from harness import verify
from harness.errors import BadRun
from harness.record.database import SCHEMA
from harness.record.facts import outcome_text, report_facts, report_of
from harness.record.journal import Journal
from harness.search.candidate import Candidate, Draft, program_hash

SEED = 20260
N = 12


def candidate(i, text=None):
    text = text or f"# program {i}\n" + "x = 1\n" * 40
    draft = Draft(program=text, key=f"k{i}", law=f"c{i}", shape="s", edit="e", constants=("a",), size=i)
    return Candidate(
        id=f"c{i}",
        program=text,
        draft=draft,
        parent=None,
        mate=None,
        niche=0,
        generation=0,
        proposer="formula",
    )


def sha(i):
    return program_hash(candidate(i).program)


def outcome(i):
    card = Scorecard(0.1 + i, 0.9 - i, float("nan"), 5, 0.1)
    return (
        Failed(Failure.TIMEOUT, f"over {i} s") if i % 4 == 0 else Scored({"f": card}, {"g": (1.0, i)}, 2, 0.1)
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run" / "journal.sqlite"
    path.parent.mkdir()
    with Journal.create(path, {"task": "t", "seed": 1}) as journal:
        journal.record("started", {"sandbox": "s"})
        for i in range(N):
            journal.append(candidate(i), outcome(i), float(i))
        journal.record("finished", {"winner": "c1"})
    return path


def exported(path, damaged=False):
    out = io.StringIO()
    with Journal(path, read_only=True, damaged=damaged) as journal:
        journal.export(out, times=True)
    return out.getvalue()


def flips(path, count):
    """For each of `count` single bits: the journal is refused, or it gives what it gave before."""
    whole, before = path.read_bytes(), exported(path)
    rng = random.Random(SEED)
    silent = []
    for _ in range(count):
        bit = rng.randrange(8 * len(whole))
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        for beside in path.parent.glob("journal.sqlite-*"):
            beside.unlink()
        path.write_bytes(data)
        try:
            if exported(path) != before:
                silent.append(bit)
        except BadRun as error:
            assert "\n" not in str(error) and str(path) in str(error)
    path.write_bytes(whole)
    return silent


def test_a_flipped_bit_is_named_or_harmless(path):
    assert flips(path, 120) == []


@pytest.mark.slow
def test_a_thousand_flipped_bits_are_named_or_harmless(path):
    assert flips(path, 1000) == []


def change(path, sql, *values):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


@pytest.mark.parametrize(
    ("sql", "named", "intact"),
    [
        (
            "UPDATE entries SET payload = replace(payload, 'formula', 'formulA') WHERE candidate = 'c5'",
            "entry 7",
            N + 1,
        ),
        ("UPDATE entries SET validation_error = 0.0 WHERE candidate = 'c6'", "entry 8", N + 1),
        ("UPDATE entries SET times = '{}' WHERE candidate = 'c7'", "entry 9", N + 1),
        (
            f"UPDATE programs SET text = zeroblob(length(text)) WHERE sha256 = '{sha(3)}'",
            "program's text",
            N + 1,
        ),
        (f"UPDATE programs SET text = 'another' WHERE sha256 = '{sha(3)}'", "program's text", N + 1),
        (f"DELETE FROM programs WHERE sha256 = '{sha(4)}'", "program's text", N + 1),
        ("UPDATE meta SET value = '2' WHERE key = 'seed'", "the settings", N + 1),
        ("DELETE FROM entries WHERE candidate = 'c4'", "entry 7", N),
        ("DELETE FROM entries WHERE kind = 'finished'", "should after 14", N + 1),
        ("UPDATE entries SET seq = 99 WHERE candidate = 'c2'", "entry 99", N),
        ("UPDATE head SET entries = 3", "should after 3", N + 2),
    ],
)
def test_what_is_changed_is_named_and_the_rest_can_be_used(path, tmp_path, capsys, sql, named, intact):
    change(path, sql)
    with pytest.raises(BadRun, match="damaged") as error:
        Journal(path)
    assert named in str(error.value)
    assert verify.main([str(path.parent), "--save", str(tmp_path / "saved.jsonl")]) == 1
    said = capsys.readouterr().out
    assert named in said
    with Journal(path, read_only=True, damaged=True) as journal:
        assert sum(1 for _ in journal.entries()) >= intact - 1
    assert '"candidate"' in (tmp_path / "saved.jsonl").read_text()


def test_a_whole_journal_is_called_whole(path, capsys):
    assert verify.main([str(path.parent)]) == 0
    assert f"{N + 2} entries intact, whole" in capsys.readouterr().out
    assert verify.main(["--all", "--out", str(path.parents[1])]) == 0
    assert verify.main([]) == 2


def test_a_journal_of_version_1_is_brought_up(path):
    before = exported(path)
    columns = "seq, kind, candidate, program, status, validation_error, n_constants, payload, times"
    old = path.with_name("old.sqlite")
    lines = [line for line in SCHEMA.splitlines(keepends=True) if "hash TEXT" not in line]
    with closing(sqlite3.connect(old)) as db, db:
        db.executescript("".join(lines).replace("times TEXT NOT NULL, ", "times TEXT NOT NULL "))
        db.execute("ATTACH ? AS new", (str(path),))
        for table, names in (("meta", "*"), ("programs", "*"), ("entries", columns)):
            db.execute(f"INSERT INTO {table} SELECT {names} FROM new.{table}")
        db.execute("PRAGMA user_version=1")
    old.replace(path)
    assert exported(path) == before, "read as it is"
    with Journal(path) as journal:
        journal.record("resumed")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        assert db.execute("SELECT entries FROM head").fetchone() == (N + 3,)
    assert exported(path).startswith(before.rstrip("\n"))


def test_a_journal_of_version_2_goes_on_with_its_plain_texts(path, tmp_path, monkeypatch):
    old = tmp_path / "old" / "journal.sqlite"
    old.parent.mkdir()
    with monkeypatch.context() as plain:
        plain.setattr("harness.record.journal.packed_entry", lambda text: text)
        plain.setattr("harness.record.packing.ProgramPacker.packed", lambda self, sha, text: text)
        with Journal.create(old, {"task": "t"}) as journal:
            for i in range(3):
                journal.append(candidate(i), outcome(i))
    change(old, "PRAGMA user_version=2")
    before = exported(old)
    with Journal(old) as journal:
        journal.append(candidate(3), outcome(3))
        assert [c for c, _ in journal.evaluations()] == [candidate(i) for i in range(4)]
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        kinds = db.execute("SELECT typeof(payload) FROM entries ORDER BY seq").fetchall()
    assert kinds == [("text",)] * 3 + [("blob",)]
    assert set(before.splitlines()) < set(exported(old).splitlines())


def test_programs_are_packed_by_one_another_and_a_lost_base_is_named(path):
    with closing(sqlite3.connect(path)) as db:
        sizes = dict(db.execute("SELECT sha256, length(text) FROM programs"))
    assert sizes[sha(0)] < 80 and sizes[sha(7)] < 25 < len(candidate(7).program) / 8
    with Journal(path, read_only=True) as journal:
        brief = [c for c, _ in journal.evaluations(texts=False)]
        assert [c.program for c in brief] == [""] * N
        assert [journal.program(c) for c in brief] == [candidate(i).program for i in range(N)]
    change(path, "DELETE FROM programs WHERE sha256 = ?", sha(0))
    with pytest.raises(BadRun, match="program's text is damaged"):
        Journal(path)


def test_a_program_that_was_not_kept_is_no_base_of_later_ones(tmp_path):
    with Journal.create(tmp_path / "j.sqlite", {}) as journal:
        with pytest.raises(KeyboardInterrupt), journal.together():
            journal.append(candidate(0), outcome(0))
            raise KeyboardInterrupt
        journal.append(candidate(1), outcome(1))
    assert candidate(1).program.splitlines()[0] in exported(tmp_path / "j.sqlite")


def test_a_damaged_log_is_named(path):
    journal = Journal(path)
    for i in range(N, N + 6):
        journal.append(candidate(i), outcome(i))
    log = path.with_name(path.name + "-wal")
    database, ahead = path.read_bytes(), log.read_bytes()
    journal.close()
    path.write_bytes(database)
    log.write_bytes(ahead)
    with Journal(path) as whole:
        assert sum(1 for _ in whole.evaluations()) == N + 6
    path.write_bytes(database)
    broken = bytearray(ahead)
    broken[len(broken) // 3] ^= 4
    log.write_bytes(broken)
    with pytest.raises(BadRun, match=r"journal\.sqlite-wal: page \d+ is damaged"):
        Journal(path)


def test_together_is_all_or_nothing(path):
    with Journal(path) as journal:
        with pytest.raises(KeyboardInterrupt), journal.together():
            journal.record("reveal", {})
            raise KeyboardInterrupt
        assert journal.events("reveal") == []
        with journal.together():
            journal.record("reveal", {})
            journal.record("revealed", {"x": 1})
        assert [k for k, _, _ in journal.events()][-2:] == ["reveal", "revealed"]
    assert '"kind":"revealed"' not in exported(path), "a search's journal knows nothing of it"


def test_a_full_disk_is_one_clear_line_and_nothing_is_lost(path):
    before = exported(path)
    with Journal(path) as journal:
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(BadRun, match=r"full.*nothing that was written before is lost"):
            journal.append(candidate(99, random.Random(SEED).randbytes(50_000).hex()), outcome(1))
    assert exported(path) == before


def test_text_that_utf8_cannot_hold_is_stored(path):
    with Journal(path) as journal:
        journal.append(candidate(50, "x = '\ud800'"), Failed(Failure.SYNTAX, "bad \ud800"))
    with Journal(path, read_only=True) as journal:
        *_, (last, failed) = journal.evaluations()
    assert last.program == "x = '?'"
    assert failed.detail == "bad ?"


def test_a_report_comes_back_as_it_was():
    card = Scorecard(0.1, 0.9, 0.2, 4, 0.3, {"g": Scorecard(0.1, 0.9, 0.2, 4, 0.3)}, 0.05)
    scored = Scored({"heldout": card}, {"g": (1.5, 2.5)}, 2, 0.5, 0.4, 30.0)
    report = Report(
        "t", scored, 0.99, 0.98, {"mean": card}, "abc", 4, forecast=card, coverage=0.9, marks=("m",)
    )
    back = report_of(report_facts(report))
    assert outcome_text(back.outcome) == outcome_text(report.outcome)
    assert str(back) == str(report)

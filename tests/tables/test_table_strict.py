"""What is not a table is refused in one line with its place, or mended by an option and told; nothing is shifted or dropped in silence."""

import gzip
import random

import numpy as np
import pytest

from tables import Ambiguous, BadTable, Reading, TableError, read_bytes, read_table
from tables.where import holds, kept

SEED = 11
DROP = Reading(drop_bad=True)


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no rows, the file is empty"),
        ("\n\n", "no rows"),
        ("a,b\n", "the table has none under its header (a, b)"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 fields under 2 names (3, 4, 5); one name is missing in the header?"),
        ("a,b\n1,2,7\n3,4,5\n", "line 2: 3 fields under 2 names"),
        ("a,b\n1,2\n3\n", "line 3: 1 fields under 2 names"),
        (
            "a,b\n1,2\n\n3,4,\n5",
            "line 5: 1 fields under 2 names (5); the last line, without its line break: half written?",
        ),
        ("a,b,a\n1,2,3\n", "line 1: column 'a' stands there 2 times (fields 1 and 3); rename one"),
        (" a,a \n1,2\n", "column 'a' stands there 2 times"),
        ('a,b\n1,"2\n3,4\n', "expected quotes to be closed"),
        ("1,2\n3,4\n", "expected a header line with names, got numbers alone (1, 2)"),
        ("<!DOCTYPE html><html></html>", "a web page, no table"),
        ('{"a": 1}\n{"a": oops}\n', "line 2: expected a JSON object, got '{\"a\": oops}'"),
        ('{"a": 1}\n{"a": 2', "half written?"),
        ('{"a": 1, "a": 2}\n{"a": 3}\n', "'a' stands there twice"),
        ('[{"a": 1}, {"a":', "line 1: not whole JSON"),
        ("[1, 2, 3]", "JSON of another shape (a list of int)"),
        ('{"a": [1, 2], "b": [1]}', "columns of unequal lengths: b has 1, others 2"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"PAR1" + b"x" * 40, "can't be read as Parquet"),
        (b"PK\x03\x04" + b"x" * 40, "can't be unpacked as zip"),
        (gzip.compress(b"a,b\n" + random.Random(SEED).randbytes(4000))[:300], "gzip data end early"),
    ],
)
def test_what_is_no_table_is_one_clear_line(tmp_path, text, says):
    path = write(tmp_path / "t", text)
    with pytest.raises(TableError) as error:
        table = read_table(path)
        table.numbers(table.names[0])
    assert says in str(error.value) and str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file_and_a_folder(tmp_path):
    for path, says in ((tmp_path / "none.csv", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(BadTable, match=says):
            read_table(path)


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("a,b\n1,2\n3,4,5\n6,7\n", [1, 6], "1 lines with more or fewer than 2 fields"),
        ("a,b\n1,2,\n3,4,\n", [1, 3], "2 rows have empty fields beyond the header"),
        ("a,b\n1,2\n,\n3,4\n", [1, 3], "1 empty rows were left out"),
        ("a,b\n1,2\na,b\n3,4\n", [1, 3], "1 repeated header lines"),
        ("a,b\n1,2\n\x00\x00\x00\n3,4\n", [1, 3], "1 lines hold NUL bytes"),
    ],
)
def test_what_is_mended_is_told(tmp_path, text, values, told):
    table = read_table(write(tmp_path / "t.csv", text), DROP)
    assert table.numbers("a").tolist() == values
    assert told in " ".join(table.notes)


def test_a_word_among_numbers_names_its_line_and_is_left_out_when_asked(tmp_path):
    path = write(tmp_path / "t.csv", "a,b\n1,2\n\noops,3\nnan,4\n5,6\n")
    table = read_table(path)
    with pytest.raises(
        BadTable, match=r"a must be a finite number: 1 of 4 rows are not \(first: line 4, a=oops"
    ):
        table.numbers("a")
    out = table.complete(["a", "b"], drop_missing=True, drop_bad=True)
    assert out.numbers("a").tolist() == [1, 5] and out.places.tolist() == [2, 6]
    assert out.notes == ["left out 2 of 4 rows: 1 with words in a, 1 with no finite a"]
    with pytest.raises(BadTable, match="line 5, the cell is empty"):
        table.complete(["a"], drop_missing=False, drop_bad=True).numbers("a")


def test_a_header_that_changes_midway_is_named(tmp_path):
    path = write(tmp_path / "t.csv", "step,loss,lr\n1,4,0.1\n2,3,0.1\nstep,lr,loss\n3,0.1,2\n")
    with pytest.raises(BadTable, match=r"line 4, another header \(step, lr, loss\)"):
        read_table(path).numbers("loss")
    with pytest.raises(
        BadTable, match="another header"
    ):  # what follows stands under other names: no option drops it
        read_table(path, DROP).complete(["step", "loss"], drop_missing=True, drop_bad=True)


def test_a_thousand_or_a_decimal_comma_is_asked_and_the_option_decides(tmp_path):
    path = write(tmp_path / "t.csv", 'step,n\n"1,000",3\n"2,000",4\n')
    with pytest.raises(Ambiguous, match=r"column step: '1,000' may be 1000 or 1\.000; --decimal"):
        read_table(path).numbers("step")
    assert read_table(path, Reading(decimal=".")).numbers("step").tolist() == [1000, 2000]
    assert read_table(path, Reading(decimal=",")).numbers("step").tolist() == [1, 2]


def test_a_fraction_or_a_count_is_asked_but_for_steps(tmp_path):
    path = write(tmp_path / "t.csv", "step,share\n1/8,1/8\n2/8,2/8\n")
    table = read_table(path)
    assert table.numbers("step").tolist() == [1, 2] and table.understood("step").total == 8
    with pytest.raises(Ambiguous, match="--fractions count or --fractions ratio decides"):
        table.numbers("share")
    assert read_table(path, Reading(fractions="ratio")).numbers("share").tolist() == [0.125, 0.25]


def test_windows_letters_and_line_breaks_in_quotes(tmp_path):
    path = write(tmp_path / "t.csv", b'run,loss\n"two\nlines",3\n' + b"caf\xe9,4\n")
    table = read_table(path)
    assert table.labels("run") == ["two\nlines", "café"]
    assert table.places.tolist() == [3, 4] and "Windows-1252" in table.notes[0]


def test_conditions_compare_numbers_as_numbers(tmp_path):
    text = "C,State,eval/loss,a<b\n900000000000000000000,finished,3.1,1\n1.2e21,crashed,2.9,2\n25000000000000000000000,finished,,3\n"
    table = read_table(write(tmp_path / "t.csv", text))
    for condition, rows in (
        ("C>1e21", [0, 1, 1]),
        ("C>1000E18", [0, 1, 1]),
        ("C <= 1.2e21", [1, 1, 0]),
        ("C==1200000000000000000000", [0, 1, 0]),
        ("State==finished", [1, 0, 1]),
        ("State!=finished", [0, 1, 0]),
        ("State=finished", [1, 0, 1]),
        ("eval/loss<3", [0, 1, 0]),
        ("a<b>=2", [0, 1, 1]),
        ("compute>1e21", [0, 1, 1]),
    ):
        assert holds(table, condition, aliases={"compute": "C"}).tolist() == [bool(r) for r in rows], (
            condition
        )
    for condition, says in (
        ("State>1", "column State has words"),
        ("C>big", "column C has numbers, 'big' is none"),
        ("D>1", "no column 'D'"),
        ("state==finished", "did you mean 'State'"),
        ("C", "expected COLUMN"),
    ):
        with pytest.raises(BadTable, match=says):
            holds(table, condition)
    out = kept(table, ["State==finished", "C>1e20"])
    assert out.notes == ["kept 2 of 3 rows where State==finished", "kept 2 of 2 rows where C>1e20"]
    assert out.places.tolist() == [2, 4]


def test_damage_anywhere_is_read_or_named_never_worse(tmp_path):
    """Random deletions, insertions and repeats: no traceback, no row of another width, no number out of nowhere."""
    rng = random.Random(SEED)
    rows = [(i, round(3 - i / 50, 4)) for i in range(40)]
    texts = [
        "step,loss\n" + "".join(f"{s},{v}\n" for s, v in rows),
        "".join(f'{{"step": {s}, "loss": {v}}}\n' for s, v in rows),
    ]
    read = 0
    for text in texts:
        for _ in range(150):
            damaged = list(text)
            for _ in range(rng.choice([1, 3, 10])):
                at = rng.randrange(len(damaged) - 40)
                if rng.random() < 0.5:
                    damaged[at] = rng.choice(',"\n{}[]-e.9\0\tNaI\r;: #%')
                else:
                    del damaged[at : at + rng.choice([1, 3, 30])]
            path = write(tmp_path / "t", "".join(damaged))
            try:
                table = read_table(path)
                values = table.numbers("loss")
            except TableError as error:
                assert "\n" not in str(error)
                continue
            read += 1
            assert np.isfinite(values).all() and len(values) == len(table)
    assert read > 30


def test_a_comment_line_that_is_no_line_is_no_header():
    with pytest.raises(BadTable) as error:
        read_bytes(b"# c\rN loss\n1 2\n3 4\n", "given.csv").numbers("N")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b'"b"\n"1,2","x\ny"\n', b'"1,2","x\ny"\n', b"(" * 8000 + b"\n"])
def test_what_a_header_holds_makes_no_message_long_or_of_several_lines(data):
    with pytest.raises(TableError) as error:
        read_bytes(data, "given.csv")
    assert str(error.value).isprintable() and len(str(error.value)) < 2100

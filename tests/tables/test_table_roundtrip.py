"""Random tables written in every dialect read back equal."""

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables import Ambiguous, read_table
from tables.numbers import MISSING

NAMES = (
    st.text("abcXYZ/._- 09é", min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda n: n and any(c.isalpha() for c in n) and not n.startswith("#"))
)
NUMBERS = st.floats(allow_nan=False, width=64) | st.integers(-(10**25), 10**25).map(float)
WORDS = (
    st.text("abc xyz\"',;|\té%/.-", min_size=1, max_size=10)
    .map(str.strip)
    .filter(
        lambda w: w and w.lower() not in MISSING and any(c in "acxyzé" for c in w) and not w.startswith("#")
    )
)


@st.composite
def frames(draw):
    names = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    n = draw(st.integers(2, 12))
    columns = {}
    for i, name in enumerate(names):
        cells = NUMBERS if i % 2 == 0 else WORDS
        columns[name] = draw(st.lists(cells, min_size=n, max_size=n))
    return pd.DataFrame(columns)


def dialects(frame):
    yield "a.csv", frame.to_csv(index=False).encode()
    yield "b.csv", frame.to_csv(index=False, quoting=1, lineterminator="\r\n").encode("utf-8-sig")
    yield "c.tsv", frame.to_csv(index=False, sep="\t").encode("utf-16")
    yield "d.csv", frame.to_csv(index=False, sep=";").encode()
    yield "e.json", json.dumps(frame.to_dict(orient="records")).encode()
    yield "f.jsonl", "".join(json.dumps(r) + "\n" for r in frame.to_dict(orient="records")).encode()
    yield "g.json", json.dumps(frame.to_dict(orient="list"), indent=2).encode()
    out = io.BytesIO()
    frame.to_parquet(out)
    yield "h.parquet", out.getvalue()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(frames())
def test_what_is_written_is_read(frame):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in dialects(frame):
            path = Path(folder) / name
            path.write_bytes(data)
            table = read_table(path)
            assert table.names == list(frame.columns), name
            for i, column in enumerate(frame.columns):
                if i % 2 == 0:
                    assert np.array_equal(table.numbers(column, finite=False), frame[column].to_numpy()), name
                else:
                    assert table.labels(column) == frame[column].tolist(), name


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 4)), min_size=2, max_size=12))
def test_decimal_commas_and_marks_of_thousands(values):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        pd.DataFrame({"x": values, "word": "w"}).to_csv(path, index=False, sep=";", decimal=",")
        try:
            assert np.array_equal(read_table(path).numbers("x"), values)
        except Ambiguous:  # every value is as 1,234: nothing tells
            assert all(len(repr(v).partition(".")[2]) == 3 or v == round(v) for v in values)
        path.write_text('x,word\n"' + '",w\n"'.join(f"{v:,.4f}" for v in values) + '",w\n')
        assert read_table(path).numbers("x") == pytest.approx(values, abs=1e-9)

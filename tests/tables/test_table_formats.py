"""Every container and dialect gives the same rows, whatever the file is called."""

import io
import json
import sys

import pandas as pd
import pytest
from table_files import ROWS, _nested, _parquet, kinds

from tables import BadTable, Reading, read_table

KINDS = kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_rows_from_every_kind(tmp_path, kind):
    name, data = KINDS[kind]
    (tmp_path / name).write_bytes(data)
    table = read_table(tmp_path / name)
    assert table.names == list(ROWS.columns)
    for column in ("params", "tokens", "flops", "loss"):
        assert table.numbers(column) == pytest.approx(ROWS[column].to_numpy(), rel=1e-12)
    assert table.labels("family") == ROWS["family"].tolist(), "a group may be called NA"


def test_standard_input(monkeypatch):
    class Stdin:
        buffer = io.BytesIO(KINDS["gzip"][1])

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert len(read_table("-")) == len(ROWS)


def test_nested_columns_get_dotted_names(tmp_path):
    (tmp_path / "n.parquet").write_bytes(_parquet(_nested()))
    assert read_table(tmp_path / "n.parquet").names == ["model.params", "tokens", "flops", "loss", "family"]
    (tmp_path / "n.jsonl").write_text('{"a": {"b": 1, "c": {"d": 2}}}\n{"a": {"b": 3}}\n')
    table = read_table(tmp_path / "n.jsonl")
    assert table.names == ["a.b", "a.c.d"] and table.numbers("a.b").tolist() == [1, 3]


def test_a_header_as_numpy_writes_it(tmp_path):
    (tmp_path / "a.txt").write_text("# step loss\n1.0e+02 4.7\n2.0e+02 4.1\n")
    assert read_table(tmp_path / "a.txt").numbers("loss").tolist() == [4.7, 4.1]


def test_several_sheets_are_listed(tmp_path):
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        ROWS.to_excel(book, sheet_name="one", index=False)
        ROWS.head(3).to_excel(book, sheet_name="two", index=False)
    with pytest.raises(BadTable, match="2 sheets; choose one with --sheet: one, two"):
        read_table(tmp_path / "a.xlsx")
    assert len(read_table(tmp_path / "a.xlsx", Reading(sheet="two"))) == 3


LONG = [
    pd.DataFrame({"run_id": "a", "key": ["loss", "lr"] * 3, "value": [4.0, 0.1, 3.0, 0.2, 2.0, 0.3],
                  "timestamp": range(6), "step": [1, 1, 2, 2, 3, 3]}),
    pd.DataFrame({"metricName": ["loss", "lr"] * 3, "metricValue": ["4", "0.1", "3", "0.2", "2", "0.3"],
                  "step": [1, 1, 2, 2, 3, 3], "runContext": "train"}),
    pd.DataFrame({"run.hash": "a", "metric.name": ["loss", "lr"] * 3, "step": [1, 1, 2, 2, 3, 3],
                  "value": [4.0, 0.1, 3.0, 0.2, 2.0, 0.3]}),
    pd.DataFrame({"tag": ["loss"] * 3 + ["lr"] * 3, "step": [1, 2, 3] * 2, "wall_time": range(6),
                  "value": [4.0, 3.0, 2.0, 0.1, 0.2, 0.3]}),
]  # fmt: skip


@pytest.mark.parametrize("frame", LONG, ids=["mlflow", "comet", "aim", "tensorboard"])
def test_long_tables_are_pivoted_and_told(tmp_path, frame):
    frame.to_csv(tmp_path / "long.csv", index=False)
    table = read_table(tmp_path / "long.csv")
    assert table.numbers("loss").tolist() == [4, 3, 2]
    assert table.numbers("lr").tolist() == [0.1, 0.2, 0.3]
    assert "one row a metric" in table.notes[0]
    with pytest.raises(BadTable, match="no column"):
        table.numbers("value" if "value" in frame else "metricValue")


def test_a_large_table_reads_as_a_small_one(tmp_path, monkeypatch):
    monkeypatch.setattr("tables.delimited.KEPT_TEXT", 20)
    monkeypatch.setattr("tables.delimited.CHUNK", 4)
    monkeypatch.setattr("tables.json_rows.CHUNK", 4)
    for kind in ("csv", "json lines", "semicolons, decimal comma"):
        name, data = KINDS[kind]
        (tmp_path / name).write_bytes(data)
        table = read_table(tmp_path / name, Reading(wanted=lambda n: n in ("loss", "family")))
        assert table.names == ["loss", "family"]
        assert table.numbers("loss") == pytest.approx(ROWS["loss"].to_numpy())
        assert table.labels("family") == ROWS["family"].tolist()


def test_columns_that_come_later_in_json_lines(tmp_path):
    rows = [{"step": i} | ({"eval": i} if i % 3 == 2 else {}) for i in range(9)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    table = read_table(tmp_path / "a.jsonl")
    assert table.understood("eval").missing == [0, 1, 3, 4, 6, 7]

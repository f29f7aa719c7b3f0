"""Large tables: blocks that Arrow reads give what the lines give, and an empty cell is no NaN."""

import gzip
import json

import numpy as np
import pytest

import tables.blocks
import tables.delimited
import tables.json_rows
from tables import BadTable, read_table
from tables.logs import read_history
from tables.logs.state import state_of
from tables.opening import Source

ODD = {
    "nothing odd": "",
    "a quoted field": '900000,2.5,"a, b",\n',
    "a number with thousands": '900000,"1,234.5",x,1\n',
    "a word": "900000,oops,x,1\n",
    "NaN": "900000,nan,x,1\n",
    "infinity": "900000,inf,x,1\n",
    "NaN with a payload": "900000,nan(3),x,1\n",
    "an underscore": "900000,1_0,x,1\n",
    "an empty row": ",,,\n",
    "an empty line": "\n",
    "a comment": "# a comment\n",
    "a header again": "step,loss,run,eval\n",
    "blanks": "900000, 2.5, x, 1\n",
    "empty fields beyond": "900000,2.5,x,1,,\n",
    "a letter beyond ASCII": "900000,2.5,naïve,1\n",
    "NUL": "900000,2.5,x\0y,1\n",
    "a carriage return": "900000,2.5,x,1\r\n",
    "no line break at the end": "900000,2.5,x,1",
}


def lines(n=400):
    rng = np.random.default_rng(0)
    rows = [
        f"{i},{2 + v:.17g},run {i % 3},{'' if i % 5 else round(v, 3)}\n"
        for i, v in enumerate(rng.random(n).tolist())
    ]
    return ["step,loss,run,eval\n", *rows]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tables.delimited, "CHUNK", 20)
    monkeypatch.setattr(tables.json_rows, "CHUNK", 20)
    monkeypatch.setattr(tables.delimited, "KEPT_TEXT", 100)
    monkeypatch.setattr(tables.blocks, "SIZE", 1000)


def everything(path):
    try:
        table = read_table(path)
    except BadTable as error:
        return str(error)
    found = {n: table.understood(n) for n in ("step", "loss", "eval")}
    numbers = {n: (u.values.tolist(), u.missing, u.bad) for n, u in found.items()}
    return repr(
        (
            numbers,
            table.labels("run"),
            table.places.tolist(),
            table.columns["loss"].not_finite().tolist(),
            table.notes,
        )
    )


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("packed", [False, True])
def test_blocks_give_what_lines_give(tmp_path, monkeypatch, small, odd, packed):
    text = lines()
    text.insert(len(text) if odd.startswith("no line") else 250, ODD[odd])
    path = tmp_path / "rows.csv"
    data = "".join(text).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    used, real = [], tables.blocks._taken
    monkeypatch.setattr(tables.blocks, "_taken", lambda *a: used.append(real(*a)) or used[-1])
    found = everything(path)
    assert sum(u is not None for u in used) > 3  # some of it came in blocks
    monkeypatch.setattr(Source, "in_blocks", lambda self: False)
    assert found == everything(path)


def test_a_ragged_line_in_a_block_is_named(tmp_path, small):
    text = lines()
    text.insert(300, "1,2\n")
    path = tmp_path / "rows.csv"
    path.write_text("".join(text))
    with pytest.raises(BadTable, match="line 301: 2 fields under 4 names"):
        read_table(path)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("broken", [False, True])
def test_rows_without_a_loss_at_the_end_of_a_long_log_are_no_nan(tmp_path, small, kind, broken):
    steps = list(range(0, 2000, 20))
    losses = [2 + 30 / (s + 10) ** 0.5 for s in steps] + [float("nan") if broken else None] * 3
    steps += [2000, 2020, 2040]
    path = tmp_path / f"log.{kind}"
    if kind == "csv":
        rows = [f"{s},{'' if v is None else v},0.1\n" for s, v in zip(steps, losses, strict=True)]
        path.write_text("step,loss,grad_norm\n" + "".join(rows))
    elif kind == "jsonl":
        rows = [
            {"step": s, "grad_norm": 0.1} | ({} if v is None else {"loss": v})
            for s, v in zip(steps, losses, strict=True)
        ]
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    else:
        import pyarrow as pa
        import pyarrow.parquet

        pa.parquet.write_table(pa.table({"step": steps, "loss": pa.array(losses, pa.float64())}), path)
    state = state_of(read_history(str(path)))
    assert (state.kind if state else None) == ("nan" if broken else None)

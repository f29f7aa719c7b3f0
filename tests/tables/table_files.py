"""One small table in every container and dialect."""

import gzip
import importlib.util
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa

ROWS = pd.DataFrame(
    {
        "params": [7e7, 1.6e8, 4.1e8, 1e9, 2.8e9, 6.9e9] * 4,
        "tokens": np.repeat([5e9, 2e10, 8e10, 3e11], 6),
    }
).assign(
    flops=lambda f: 6 * f.params * f.tokens,
    loss=lambda f: np.round(1.8 + 450 / f.params**0.347 + 2000 / f.tokens**0.368, 5),
    family=["alpha", "beta", "NA"] * 8,
)


def records():
    return json.loads(ROWS.to_json(orient="records"))


def _zipped(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner/rows.csv", text)
    return out.getvalue()


def _zstd(data):
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return out.getvalue().to_pybytes()


def _binary(write):
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def _nested():
    rows = [
        {
            "model": {"params": r["params"]},
            "tokens": r["tokens"],
            "flops": r["flops"],
            "loss": r["loss"],
            "family": r["family"],
        }
        for r in records()
    ]
    return pa.Table.from_pylist(rows)


def _parquet(table):
    import pyarrow.parquet as pq

    return _binary(lambda out: pq.write_table(table, out))


def kinds():
    """name of the kind -> (file name, bytes). Every one holds ROWS."""
    csv = ROWS.to_csv(index=False)
    lines = "".join(json.dumps(r) + "\n" for r in records())
    blanks = "params tokens flops loss family\n" + "".join(
        f"  {r.params:.6g}   {r.tokens:.6g}  {r.flops!r} {r.loss!r}\t{r.family}\n" for r in ROWS.itertuples()
    )
    excel = {}
    if importlib.util.find_spec("openpyxl"):  # an extra
        excel["excel"] = ("rows.xlsx", _binary(lambda out: ROWS.to_excel(out, index=False)))
    return excel | {
        "csv": ("rows.csv", csv.encode()),
        "csv named json": ("rows.json", csv.encode()),
        "csv with mark": ("rows.csv", b"\xef\xbb\xbf" + csv.encode()),
        "csv utf-16": ("rows.csv", csv.encode("utf-16")),
        "csv crlf": ("rows.csv", csv.replace("\n", "\r\n").encode()),
        "csv commented": ("rows.csv", ("# made by hand\n" + csv.replace("\n", "\n# more\n", 3)).encode()),
        "csv blanks around": ("rows.csv", csv.replace(",", " , ").encode()),
        "csv trailing commas": ("rows.csv", csv.replace("\n", ",\n").replace("family,", "family", 1).encode()),
        "csv quoted": ("rows.csv", ROWS.to_csv(index=False, quoting=1).encode()),
        "csv no last break": ("rows.csv", csv.rstrip("\n").encode()),
        "tsv": ("rows.tsv", ROWS.to_csv(index=False, sep="\t").encode()),
        "semicolons": ("rows.csv", ROWS.to_csv(index=False, sep=";").encode()),
        "semicolons, decimal comma": ("rows.csv", ROWS.to_csv(index=False, sep=";", decimal=",").encode()),
        "excel's sep line": ("rows.csv", b"sep=;\n" + ROWS.to_csv(index=False, sep=";").encode()),
        "bars": ("rows.txt", ROWS.to_csv(index=False, sep="|").encode()),
        "blanks": ("rows.txt", blanks.encode()),
        "json records": ("rows.json", json.dumps(records()).encode()),
        "json pretty": ("rows.json", json.dumps(records(), indent=1).encode()),
        "json of columns": ("rows.json", ROWS.to_json(orient="columns").encode()),
        "json of lists": ("rows.json", json.dumps(ROWS.to_dict(orient="list")).encode()),
        "json split": ("rows.json", ROWS.to_json(orient="split").encode()),
        "json lines": ("rows.jsonl", lines.encode()),
        "json lines named json": ("rows.json", lines.encode()),
        "json lines named log": ("rows.log", lines.encode()),
        "gzip": ("rows.csv.gz", gzip.compress(csv.encode())),
        "gzip under another name": ("rows.csv", gzip.compress(csv.encode())),
        "zstd": ("rows.csv.zst", _zstd(csv.encode())),
        "zip": ("rows.zip", _zipped(csv)),
        "json lines gzip": ("rows.jsonl.gz", gzip.compress(lines.encode())),
        "parquet": ("rows.parquet", _binary(lambda out: ROWS.to_parquet(out))),
        "parquet gzip": ("rows.parquet.gz", gzip.compress(_binary(lambda out: ROWS.to_parquet(out)))),
        "feather": ("rows.arrow", _binary(lambda out: ROWS.to_feather(out))),
    }  # fmt: skip

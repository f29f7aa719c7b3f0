"""How fast and in how much memory large files are read, beside pandas: `python benchmarks/reading.py [--csv-mb 1000] [--lines 2000000]`.

A CSV of random numbers (8 columns) and a log in JSON lines are written to a temporary folder; every read runs in a process of its own,
which reports CPU seconds and its largest resident memory. pandas reads the CSV with `read_csv` and the log with `read_json(lines=True)`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SEED = 0
READS = {
    "tables": "from tables import read_table; t = read_table({path!r}); print(len(t), t.numbers('loss')[-1])",
    "tables, 2 columns": "from tables import Reading, read_table; t = read_table({path!r}, Reading(wanted=lambda n: n in ('step', 'loss'))); "
    "print(len(t), t.numbers('loss')[-1])",
    "tables.logs": "from tables.logs import read_history; h = read_history({path!r}); print(len(h.rows), h.rows['loss'].iloc[-1])",
    "pandas": "import pandas as pd; f = pd.{reader}; print(len(f), f['loss'].iloc[-1])",
}


def write_csv(path: Path, megabytes: float) -> int:
    rng = np.random.default_rng(SEED)
    rows = 0
    with path.open("w") as file:
        file.write("step,loss,lr,tokens,grad_norm,time,a,b\n")
        while file.tell() < megabytes * 1e6:
            block = rng.random((20_000, 7))
            file.writelines(
                f"{rows + i},{r[0]:.6f},{r[1]:.6e},{int(r[2] * 1e12)},{r[3]:.5f},{r[4]:.4f},{r[5]:.7f},{r[6]:.7f}\n"
                for i, r in enumerate(block.tolist())
            )
            rows += len(block)
    return rows


def write_log(path: Path, lines: int) -> None:
    rng = np.random.default_rng(SEED)
    with path.open("w") as file:
        for start in range(0, lines, 20_000):
            noise = rng.normal(0, 0.01, min(20_000, lines - start)).tolist()
            file.writelines(
                json.dumps(
                    {
                        "step": s,
                        "loss": round(2 + 30 / (s + 10) ** 0.5 + e, 5),
                        "lr": 3e-4,
                        "max_steps": 4_000_000,
                    }
                )
                + "\n"
                for s, e in enumerate(noise, start)
            )


def measure(code: str) -> tuple[float, float, str]:
    """CPU seconds, largest resident memory in MB, and what was printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    watch = code + "; import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    done = subprocess.run(
        [sys.executable, "-c", watch],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    *said, memory = done.stdout.split("\n")[:-1]
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, float(memory), said[-1]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split(":")[0])
    p.add_argument("--csv-mb", type=float, default=1000)
    p.add_argument("--lines", type=int, default=2_000_000)
    args = p.parse_args()
    print("| file | read by | CPU s | largest memory, MB |\n|---|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        csv, log = Path(folder) / "rows.csv", Path(folder) / "log.jsonl"
        rows = write_csv(csv, args.csv_mb)
        for name in ("tables", "tables, 2 columns", "pandas"):
            seconds, memory, _ = measure(READS[name].format(path=str(csv), reader=f"read_csv({str(csv)!r})"))
            print(
                f"| CSV, {csv.stat().st_size / 1e6:.0f} MB, {rows:,} rows | {name} | {seconds:.1f} | {memory:.0f} |",
                flush=True,
            )
        csv.unlink()
        write_log(log, args.lines)
        for name in ("tables.logs", "pandas"):
            seconds, memory, _ = measure(
                READS[name].format(path=str(log), reader=f"read_json({str(log)!r}, lines=True)")
            )
            print(f"| JSON lines, {args.lines:,} | {name} | {seconds:.1f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()

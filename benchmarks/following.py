"""How soon `harness curves predict --follow` answers a row that was just written: `python benchmarks/following.py [--updates 10]`.

A Megatron-LM log grows as one would, a line at a time; the command runs with its defaults in a process of its own. Seconds are wall
time from the flush of a line to the answer that names its step.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SEED = 0
FINAL = 10_000
BEGIN = 4_000
"""Last step that is there when the command starts."""


def line(step: int, noise: float) -> str:
    loss = 2.0 + 30 / (step + 10) ** 0.5 + noise
    return (
        f" iteration {step:8d}/{FINAL:8d} | consumed samples: {step * 256:12d} | elapsed time per iteration (ms): 900.1 | "
        f"learning rate: 3.000000E-04 | lm loss: {loss:.6E} | loss scale: 1.0 |\n"
    )


def measure(path: Path, updates: int, pause: float) -> list[float]:
    """Seconds of each update.

    Args:
        pause: seconds between an answer and the next line.
    """
    rng = np.random.default_rng(SEED)
    path.write_text("".join(line(s, rng.normal(0, 0.01)) for s in range(10, BEGIN + 1, 10)))
    command = [sys.executable, "-m", "harness", "curves", "predict", str(path), "--follow", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seconds = []
    try:
        _answer_of(process, BEGIN)
        for step in range(BEGIN + 10, BEGIN + 10 * updates + 1, 10):
            time.sleep(pause)
            with path.open("a") as file:
                file.write(line(step, rng.normal(0, 0.01)))
            written = time.monotonic()
            _answer_of(process, step)
            seconds.append(time.monotonic() - written)
    finally:
        process.kill()
        process.wait()
    return seconds


def _answer_of(process: subprocess.Popen[str], step: int) -> None:
    assert process.stdout is not None
    for answer in process.stdout:
        if json.loads(answer)["step"] >= step:
            return
    raise SystemExit(f"error: the command ended before it answered step {step}")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--updates", type=int, default=10)
    p.add_argument("--pause", type=float, default=2.3, help="seconds between an answer and the next line")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(folder) / "megatron.log", args.updates, args.pause)
    print(
        f"{len(seconds)} updates of a log of {BEGIN // 10} lines: median {statistics.median(seconds):.2f} s, largest {max(seconds):.2f} s"
    )


if __name__ == "__main__":
    main()

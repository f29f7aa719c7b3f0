"""The main job, measured: the default run on `finetune_vocab` with several seeds, every run counted.

    python benchmarks/main_job.py --seeds 5

Each run is the whole command in a process of its own. Prints a Markdown table with the spread over all
runs, the rows' hashes, and seconds of the wall and of the processor; `--out` keeps the run folders. Opens held-out rows once a run,
as the command itself does.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.boards.standings import mean_sd


def one_run(task: str, seed: int, out: Path, extra: list[str]) -> dict[str, Any]:
    """The final summary of one run, with the wall time of the whole command."""
    command = [
        sys.executable,
        "-m",
        "harness.evolve",
        "--task",
        task,
        "--seed",
        str(seed),
        "--out",
        str(out),
        "--json",
        *extra,
    ]
    start, before = time.monotonic(), processor()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, used = time.monotonic() - start, processor() - before
    if done.returncode not in (0, 1):
        raise SystemExit(f"seed {seed}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return {**json.loads(done.stdout), "wall_s": wall, "processor_s": used}


def processor() -> float:
    """Seconds of processor of all commands so far, their sandboxes' children among them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--task", default="finetune_vocab")
    p.add_argument("--seeds", type=int, default=5, help="runs, with seeds 0 to one less")
    p.add_argument("--out", type=Path, help="folder for the runs (default: thrown away)")
    p.add_argument("rest", nargs="*", help="further options of the command, after --")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = args.out or Path(scratch)
        runs = [one_run(args.task, seed, out, args.rest) for seed in range(args.seeds)]
    data = runs[0]["data"]
    print(
        f"`{args.task}`, rows {data['train_hash']} / {data['heldout_hash']}{' SIMULATED' if data['simulated'] else ''}\n"
    )
    print(
        "| seed | held-out R2 | NMSE | NMAE | validation R2 | constants | evaluations | failed | wall, s | processor, s | law |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for r in runs:
        h = r.get("heldout") or {"r2": float("nan"), "nmse": float("nan"), "nmae": float("nan")}
        v = (r.get("validation") or {"r2": float("nan")})["r2"]
        print(
            f"| {r['seed']} | {h['r2']:.4f} | {h['nmse']:.4f} | {h['nmae']:.4f} | {v:.4f} | {r.get('n_constants')} "
            f"| {r['evaluations']} | {r['failed_evaluations']} | {r['wall_s']:.0f} | {r['processor_s']:.1f} | `{r['law']}` |"
        )
    scored = [r["heldout"]["r2"] for r in runs if r.get("heldout")]
    mean, sd = mean_sd(scored)
    print(
        f"\nheld-out R2: mean {mean:.4f}, sd {sd:.4f}, lowest {min(scored):.4f}, {len(runs) - len(scored)} of {len(runs)} runs failed"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

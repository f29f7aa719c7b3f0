"""Runs every hostile program once and prints, as JSON, who we were and which attacks were contained.

A script of its own, so that a test can start it as another user.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from evaluator_cases import QUICK, make_folds, make_task, program
from hostile_programs import programs

from evaluator import Evaluator, Failed, LocalSandbox, Scored


def main(label: str, without: tuple[str, ...] = ()) -> None:
    task = make_task()
    folds = make_folds(task)[:1]
    escaped = {}
    with LocalSandbox(workers=1, without=without) as sandbox:
        evaluator = Evaluator(sandbox, QUICK)
        attacks = [h for h in programs(label, 9) if not h.slow]
        for hostile in attacks:
            outcome = evaluator.validate(hostile.text, task, folds)
            ended = outcome.failure if isinstance(outcome, Failed) else None
            if ended not in hostile.ends and (hostile.ends or ended is not None):
                escaped[hostile.name] = str(outcome)[:500]
        good = evaluator.validate(program(), task, folds)
    capabilities = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if "CapEff" in line
    )
    print(
        json.dumps(
            {
                "uid": os.getuid(),
                "capabilities": int(capabilities.split()[1], 16),
                "level": sandbox.level,
                "attacks": len(attacks),
                "escaped": escaped,
                "unharmed": isinstance(good, Scored),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], tuple(sys.argv[2:]))

"""torchtitan."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "torchtitan",
    "[titan] 2025-01-01 00:00:01,123 - root - INFO - step: 100  loss:  4.7337  memory: 55.11GiB(58.00%)  tps: 5,123",
    rows=(
        rf"validate step:\s*(?P<step>{INT})\s+loss:\s*(?P<val_loss>{NUM})",
        rf"\bstep:\s*(?P<step>{INT})\s+loss:\s*(?P<loss>{NUM})",
    ),
    plan=rf"total steps:?\s+({INT})",
)

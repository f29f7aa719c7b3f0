"""modded-nanogpt."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "modded-nanogpt",
    "step:500/6000 val_loss:3.3303 train_time:45000ms step_avg:90.00ms",
    rows=(
        rf"\bstep:(?P<step>{INT})/(?P<total>{INT})\b.*?\b(?:val_loss:(?P<val_loss>{NUM})|train_loss:(?P<train_loss>{NUM}))",
    ),
)

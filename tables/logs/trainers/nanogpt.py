"""nanoGPT and its many children."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "nanoGPT",
    "iter 100: loss 4.7337, time 1099.34ms, mfu 15.34%",
    rows=(
        rf"\biter (?P<step>{INT}): loss (?P<loss>{NUM})",
        rf"\bstep (?P<step>{INT}): train loss (?P<train_loss>{NUM}), val loss (?P<val_loss>{NUM})",
    ),
    plan=r"\bmax_iters\s*=\s*([\d_]+)",
)

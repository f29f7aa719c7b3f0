"""litgpt and lit-gpt."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "litgpt",
    "Epoch 1 | iter 400 step 100 | loss train: 4.734, val: n/a | iter time: 320.11 ms (step)",
    rows=(
        rf"iter (?P<iter>{INT}) step (?P<step>{INT})(?: \||:) loss (?:train: )?(?P<loss>{NUM})(?:, val: (?P<val_loss>{NUM}))?",
    ),
    more_rows=(rf"^iter {INT}: val loss (?P<val_loss>{NUM})",),
    plan=r"max_steps['\"]?[=:]\s*(\d+)",
)

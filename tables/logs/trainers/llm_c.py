"""llm.c: its main.log, and its standard output."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "llm.c",
    "s:100 trl:4.7337 lr:0.000300 norm:0.41",
    rows=(
        rf"^s:(?P<step>{INT}) (?:tel:(?P<val_loss>{NUM})|trl:(?P<train_loss>{NUM})(?: lr:(?P<lr>{NUM}))?)",
        rf"^step\s+(?P<step>{INT})/(?P<total>{INT}) \| (?:train )?loss (?P<train_loss>{NUM})(?:.*?\| lr (?P<lr>{NUM}))?",
    ),
    more_rows=(rf"^val loss (?P<val_loss>{NUM})",),
)

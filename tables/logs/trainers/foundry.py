"""llm-foundry and Composer's console logger: a head with the batch, then one metric a line."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "llm-foundry",
    "[batch=100/6000]:  then  Train loss/train/total: 4.7337",
    rows=(rf"\[(?:epoch=\d+/\d+,? ?)?batch=(?P<step>{INT})/(?P<total>{INT})\]",),
    pairs=rf"^\s*(?:Train |Eval )?(?P<key>[A-Za-z][\w/.-]*): (?P<value>{NUM})\s*$",
    block=True,
)

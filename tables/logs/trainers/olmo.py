"""OLMo and OLMo-core: a head with the step, then one metric a line."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "OLMo",
    "[step=100/739328,epoch=0]  then  train/CrossEntropyLoss=4.7337",
    rows=(rf"\[step=(?P<step>{INT})/(?P<total>{INT})",),
    pairs=rf"^\s*(?:.*?\s)?(?P<key>[A-Za-z][\w/.() -]*?)=(?P<value>{NUM})\s*$",
    block=True,
)

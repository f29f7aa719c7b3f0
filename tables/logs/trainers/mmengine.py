"""MMEngine and MMCV."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "MMEngine",
    "mmengine - INFO - Iter(train) [ 100/6000]  lr: 1.0000e-02  eta: 0:10:00  time: 0.5  loss: 4.7337",
    rows=(
        rf"Iter(?:\(train\))?\s*\[\s*(?P<step>{INT})/(?P<total>{INT})\].*?\blr: (?P<lr>{NUM}).*?\bloss: (?P<loss>{NUM})",
        rf"Epoch(?:\(train\))?\s*\[(?P<epoch>{INT})\]\[\s*(?P<iter>{INT})/{INT}\].*?\blr: (?P<lr>{NUM}).*?\bloss: (?P<loss>{NUM})",
    ),
)

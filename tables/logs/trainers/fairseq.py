"""fairseq: train_inner and valid lines, as `simple` and as `json`."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "fairseq",
    "| INFO | train_inner | epoch 001:    100 / 6000 loss=4.733, ppl=26.6, num_updates=100, lr=0.0003",
    rows=(
        rf"\bvalid\b.*?\| (?:valid_)?loss (?P<val_loss>{NUM}) \|.*?\bnum_updates (?P<num_updates>{INT})",
        rf"\bepoch\s+(?P<epoch>{INT}):\s+{INT} / {INT} .*?\bloss=(?P<loss>{NUM}).*?\bnum_updates=(?P<num_updates>{INT})(?:.*?\blr=(?P<lr>{NUM}))?",
        rf'\bvalid\b.*?"valid_loss": "?(?P<val_loss>{NUM})"?.*?"valid_num_updates": "?(?P<num_updates>{INT})',
        rf'\btrain_inner\b.*?"loss": "?(?P<loss>{NUM})"?.*?"num_updates": "?(?P<num_updates>{INT})"?(?:.*?"lr": "?(?P<lr>{NUM}))?',
    ),
    plan=r"max_update['\"]?[=:]\s*\[?(\d+)",
)

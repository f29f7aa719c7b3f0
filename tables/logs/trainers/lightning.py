"""Lightning's progress bar, and other tqdm bars that carry a loss."""

from tables.logs.pattern import INT, NUM, Pattern, Row

_BASE = Pattern(
    "Lightning or tqdm",
    "Epoch 0:  50%|█████     | 100/200 [00:10<00:10, 9.80it/s, v_num=1, train_loss=4.73, val_loss=3.30]",
    rows=(
        rf"(?:Epoch (?P<epoch>{INT})[^|]*\|[^|]*)?\|\s*(?P<at>{INT})/(?P<of>{INT}) \[[^\]]*?\bloss\w*[=:]",
        rf"(?:Epoch (?P<epoch>{INT})[^|]*\|[^|]*)?\|\s*(?P<at>{INT})/(?P<of>{INT}) \[[^\]]*?\w*loss\w*[=:]",
    ),
    pairs=rf"[,\[]\s*(?P<key>[A-Za-z][\w/. -]*?)[=:]\s?(?P<value>{NUM})(?=[,\]])",
)


class _Bar:
    """Bars of epochs count on: 100 of 200 in epoch 1 is step 300."""

    name, example = _BASE.name, _BASE.example

    def row(self, line: str) -> Row | None:
        row = _BASE.row(line)
        if row is None:
            return None
        at, of = (float(str(row.pop(k)).replace(",", "")) for k in ("at", "of"))
        if not any("step" in k for k in row):
            row["step"] = at + of * float(str(row.get("epoch", 0)))
        if "epoch" not in row:
            row["total"] = of
        return row

    def more(self, line: str) -> Row | None:
        return None

    def planned(self, line: str) -> float | None:
        return None


PATTERN = _Bar()

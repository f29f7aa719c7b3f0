"""Draw one prediction: rows, what was left out as spikes, continuation, interval, endpoint."""

from __future__ import annotations

from pathlib import Path

from curves.answer import Answer
from harness.curves.clean import Cleaned
from harness.errors import BadHistory


def draw_prediction(found: Answer, cleaned: Cleaned, path: str) -> None:
    """Write the plot to a .png, .svg or .pdf file."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    if Path(path).suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise BadHistory(f"--plot {path}: expected a name that ends in .png, .svg or .pdf")
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    rows = cleaned.rows
    axes.plot(rows["step"], rows["loss"], ".", color="#222", ms=4, label="observed")
    if len(cleaned.spikes):
        axes.plot(
            cleaned.spikes["step"], cleaned.spikes["loss"], "x", color="#999", label="left out as spikes"
        )
    if not found.finished:
        low, middle, high = found.curve
        axes.fill_between(found.steps, low, high, color="#2563eb", alpha=0.15, lw=0, label="90 % interval")
        axes.plot(found.steps, middle, color="#2563eb", label=found.method)
        axes.plot([found.final_step], [found.endpoint], "o", color="#2563eb")
        axes.annotate(
            f"{found.endpoint:.4f}",
            (found.final_step, found.endpoint),
            textcoords="offset points",
            xytext=(-4, 8),
            ha="right",
        )
    for target in found.targets:
        axes.axhline(target.loss, color="#dc2626", lw=0.8, ls="--")
    lowest = min(rows["loss"].min(), found.curve.min(), *(t.loss for t in found.targets))
    top = rows["loss"].quantile(0.98)
    axes.set_ylim(lowest - 0.05 * (top - lowest), top + 0.1 * (top - lowest))
    axes.set(xlabel="step", ylabel="loss", title=found.run)
    axes.legend()
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise BadHistory(f"--plot {path}: can't be written ({error.strerror})") from None
    finally:
        plt.close(figure)

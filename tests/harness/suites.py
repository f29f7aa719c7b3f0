"""A small suite as several tests run it: `harness bench` on made-up rows, from the starters alone."""

from pathlib import Path

from harness import bench

STARTERS = ["--config", str(Path(__file__).with_name("starters.yaml"))]


def run_suite(rows, out, *more):
    """`harness bench` on made-up rows: two seeds of six evaluations, beside random laws."""
    options = [
        "--suite",
        "parallel",
        "--seeds",
        "2",
        "--evaluations",
        "6",
        "--workers",
        "1",
        *STARTERS,
        *more,
    ]
    return bench.main([*options, "--data-dir", str(rows), "--out", str(out)])

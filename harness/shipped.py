"""Folders that come along: seeds, programs and configs, beside the packages in the repository, inside ours once installed."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Where a folder lies: in the wheel it is data of this package, so that no `configs` of another's is ever meant."""
    installed = HERE / "data" / name
    return installed if installed.is_dir() else HERE.parent / name

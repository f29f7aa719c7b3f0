"""Folders of this machine: the cache of downloads, and the user's own tasks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

APP = "scaling-law-harness"


def cache_dir() -> Path:
    """Folder of downloaded rows: `SLD_CACHE_DIR`, or the platform's cache folder."""
    if named := os.environ.get("SLD_CACHE_DIR"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / APP
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / APP / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / APP


def user_tasks_dir() -> Path:
    """Folder of the user's own tasks: `SLD_TASKS_DIR`, or the platform's data folder."""
    if named := os.environ.get("SLD_TASKS_DIR"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / APP / "tasks"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / APP / "tasks"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / APP / "tasks"

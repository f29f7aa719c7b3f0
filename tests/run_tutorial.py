"""Runs docs/tutorial.ipynb and keeps its outputs with it: `python -m tests.run_tutorial` (or `make tutorial`)."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.test_architecture import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def executed(path: Path = NOTEBOOK, timeout_s: int = 600) -> Any:
    """The notebook with fresh outputs, run by this interpreter in a kernel of its own; tasks it adds are gone with it.

    Raises:
        CellExecutionError: a cell failed.
    """
    import nbformat
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class Here(AsyncKernelManager):
        """The kernel of this very interpreter, whatever kernels are registered."""

        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        away = {
            "SLD_TASKS_DIR": f"{folder}/tasks",
            "IPYTHONDIR": f"{folder}/ipython",
            "JUPYTER_RUNTIME_DIR": f"{folder}/runtime",
        }
        with patch.dict(os.environ, away):
            NotebookClient(
                notebook,
                timeout=timeout_s,
                kernel_manager_class=Here,
                resources={"metadata": {"path": folder}},
            ).execute()
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)  # times of day
    return notebook


def printed(notebook: Any) -> str:
    """All that its cells wrote."""
    return "".join(
        o.get("text", "")
        for c in notebook.cells
        for o in c.get("outputs", [])
        if o["output_type"] == "stream"
    )


if __name__ == "__main__":
    import nbformat

    nbformat.write(executed(), NOTEBOOK)
    print(f"wrote {NOTEBOOK.relative_to(ROOT)}")

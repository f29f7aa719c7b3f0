"""A search in a real kernel: its bar moves, and the kernel's interrupt leaves a run that goes on."""

import os
import queue
import sys
import time

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::RuntimeWarning"
    ),
]

SEARCH = """
import numpy as np
from harness import evolve
N = np.tile(np.geomspace(1e6, 1e9, 12), 2)
D = np.repeat([1e9, 4e9], 12)
table = {"N": N, "D": D, "loss": 1.7 + 400 * N**-0.34 + 410 * D**-0.28}
evolve(table, ["N", "D"], "loss", "N", evaluations=5000, minutes=20, workers=1, allow_weak_sandbox=True)
"""


@pytest.fixture
def kernel(tmp_path):
    pytest.importorskip("ipykernel")
    manager = pytest.importorskip("jupyter_client.manager")
    spec = pytest.importorskip("jupyter_client.kernelspec")
    found = manager.KernelManager()
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    found._kernel_spec = spec.KernelSpec(argv=argv, display_name="Python 3", language="python")
    away = {"SLD_TASKS_DIR": str(tmp_path / "tasks"), "IPYTHONDIR": str(tmp_path / "ipython")}
    found.start_kernel(cwd=str(tmp_path), env={**os.environ, **away})
    client = found.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    yield found, client
    client.stop_channels()
    found.shutdown_kernel(now=True)


def until(client, enough, limit_s=240):
    """Messages of a cell until one is enough, or the kernel is idle again."""
    seen, end = [], time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            message = client.get_iopub_msg(timeout=5)
        except queue.Empty:
            continue
        seen.append((message["header"]["msg_type"], message["content"]))
        if enough(seen) or seen[-1] == ("status", {"execution_state": "idle"}):
            return seen
    raise AssertionError(f"nothing came in {limit_s} s; last: {seen[-3:]}")


def bars(seen):
    return [c["data"]["text/html"] for kind, c in seen if kind in ("display_data", "update_display_data")]


def test_the_bar_moves_and_the_kernels_interrupt_leaves_a_run(kernel):
    manager, client = kernel
    client.execute(SEARCH)
    seen = until(client, lambda s: any("best so far" in bar for bar in bars(s)))
    assert len(set(bars(seen))) > 1 and all("<progress" in bar for bar in bars(seen)), seen[-2:]
    manager.interrupt_kernel()
    (error,) = [c for kind, c in until(client, lambda s: False) if kind == "error"]
    assert error["ename"] == "Interrupted" and ".resume()" in error["evalue"]
    client.execute(
        "from harness import load_run\nhalf = load_run()\nprint(half.finished, len(half.to_frame()) > 0)"
    )
    said = "".join(c["text"] for kind, c in until(client, lambda s: False) if kind == "stream")
    assert said.split()[-2:] == ["False", "True"]

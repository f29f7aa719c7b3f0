"""Endpoints of the kinds that people have been caught by, kept outside the project: `SLD_CASES_DIR=<folder> pytest tests/llm/test_llm_cases.py`."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripted_models import write_rows

from harness.commands import evolve

FOLDER = os.environ.get("SLD_CASES_DIR")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="set SLD_CASES_DIR to the folder of cases")


@pytest.mark.parametrize("word", ["eos_token", "STOP", "null"])
def test_words_of_common_servers_that_mean_complete_are_taken(word, tmp_path, capsys, monkeypatch):
    """Case 61: every answer holds a whole new program; none was taken, and each was paid for twice."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, Path(FOLDER) / "61_finish_reason_words/server.py", str(port), word]
    )
    try:
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        options = [
            "--task",
            "parallel",
            "--data-dir",
            str(write_rows(tmp_path / "rows")),
            "--proposer",
            "llm",
        ]
        options += ["--model", "m", "--evaluations", "14", "--minutes", "2", "--workers", "1", "--json"]
        assert evolve.main([*options, "--out", str(tmp_path / "runs")]) == 0
    finally:
        server.kill()
        server.wait()
    found = json.loads(capsys.readouterr().out)["llm"]
    assert found["candidates"] >= 8 and found["bad_replies"] == 0, found

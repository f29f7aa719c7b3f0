"""A whole evolution against a real server with a real, very small model. Opt-in: `make live`."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml
from in_flight_cases import SEED_PROGRAM, accounted
from scripted_models import write_rows
from test_llm_command import lines_of, run_json

HERE = Path(__file__).resolve().parent
TEMPLATES = {
    "system": "You write short Python programs that use numpy.",
    "full": "```python\n{{parent}}\n```\n\nCopy this program into one Python code block, with other numbers in the "
    "last line of fit_scaling_law. Write nothing else.",
    "repair": "{{reason}}: {{detail}}\n\nCopy the whole program, with other numbers, into one Python code block.",
    "memo": "The best laws so far:\n{{best}}\n\nSay in one sentence what helps.",
}
"""Our own templates are too long for a model of this size."""


@pytest.fixture
def local_model():
    """Address of a server with SmolLM2 on loopback, up and answering."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(HERE / "local_server.py"), "--port", str(port), "--context", "4096"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in server.stdout:
            if line.startswith("smollm2 at "):
                break
        else:
            pytest.fail(f"the server did not start: {line}; `make live` installs what it needs")
        url = f"http://127.0.0.1:{port}/v1"
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/models", timeout=5).read()
                break
            except OSError:
                assert time.monotonic() < end and server.poll() is None, "the server does not answer"
                time.sleep(0.1)
        yield url
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.mark.live
@pytest.mark.timeout(900)
def test_a_whole_evolution_against_a_real_model(local_model, tmp_path, capsys, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLD_OFFLINE", "1")
    rows = write_rows(tmp_path / "rows")
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for name in ("system", "full", "diff", "cross", "repair", "memo"):
        (prompts / f"{name}.md").write_text(TEMPLATES.get(name, TEMPLATES["full"]))
    program = tmp_path / "seed.py"
    program.write_text(SEED_PROGRAM)
    config = tmp_path / "live.yaml"
    settings = {
        "task": "parallel",
        "evolve": {
            "proposer": "llm", "evaluations": 6, "minutes": 6, "workers": 1, "seed": 5,
            "task_seeds": False, "seed_programs": [str(program)],
        },
        "llm": {
            "models": [{"model": "smollm2", "base_url": local_model, "temperature": 0.5, "max_tokens": 300, "stream": True}],
            "in_flight": 1, "reflect_every": 2, "prompts": str(prompts), "deadline_s": 120, "read_timeout_s": 100,
        },
    }  # fmt: skip
    config.write_text(yaml.safe_dump(settings))
    code, summary, err = run_json(capsys, "--config", config, "--data-dir", rows, "--out", tmp_path / "runs")
    assert code == 0, err
    run = Path(summary["path"])
    entries = lines_of(run, "request", "reply", "ask", "turned_down", "evaluation")
    requests = accounted(entries)
    replies = [e for e in entries if e["kind"] == "reply"]
    told = json.dumps(summary["llm"], indent=2)
    good = [r for r in replies if r["status"] == "ok"]
    assert len(good) >= 3, told
    assert all(r["tokens_in"] > 0 and r["tokens_out"] > 0 for r in good), "the server counts tokens"
    of_model = {e["plan"]["id"] for e in requests.values() if e["plan"]}
    scored = [e for e in entries if e["kind"] == "evaluation" and e["candidate"]["id"] in of_model]
    twins = [e for e in entries if e["kind"] == "turned_down" and "candidate" in e]
    assert scored or twins, f"no program of the model was run: {told}"
    assert summary["heldout"] is not None
    again = run_json(capsys, "--replay", run, "--data-dir", rows, "--out", tmp_path / "again")[1]
    assert again["law"] == summary["law"] and again["llm"] == summary["llm"]
    print(told)

"""Whole runs of the evolve command with models behind a fake server: real client, sockets, sandbox, files."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from fake_server import FakeServer
from in_flight_cases import accounted
from scripted_models import Scientist, Unreliable, Variants, write_rows

from harness.bench import command as bench
from harness.commands import evolve
from harness.record.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-very-secret-4711"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("OPENAI") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SLD_OFFLINE", "1")
    monkeypatch.setattr("harness.proposers.llm.endpoint.FIRST_WAIT_S", 0.01)


@pytest.fixture(autouse=True, scope="module")
def no_page():
    """Pages have tests of their own; to draw one costs as much as a small search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.commands.evolving.end_page", lambda folder: "page: not drawn")
        yield


@pytest.fixture
def rows(tmp_path):
    return write_rows(tmp_path / "rows")


def config_file(tmp_path, url, proposer="llm", models=None, evolve=None, **llm):
    """A config of a quick run; `llm` overrides its settings."""
    settings = {
        "models": models or [{"model": "fake", "base_url": url, "api_key_env": "TEST_KEY", "price_in": 1.0, "price_out": 2.0}],
        "deadline_s": 10.0, "read_timeout_s": 1.0, "retry_after_cap_s": 0.1, "breaker_pause_s": 0.2, **llm,
    }  # fmt: skip
    values = {
        "task": "parallel",
        "evolve": {
            "proposer": proposer,
            "task_seeds": False,  # programs that load half of SciPy in the sandbox; the starters will do
            "evaluations": 14,
            "minutes": 2,
            "workers": 2,
            "seed": 5,
            **(evolve or {}),
        },
        "llm": settings,
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def run_json(capsys, *args):
    code = evolve.main([*map(str, args), "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


def exported(run):
    out = io.StringIO()
    with Journal(Path(run) / "journal.sqlite", read_only=True) as journal:
        journal.export(out)
    return out.getvalue()


def lines_of(run, *kinds):
    return [e for e in map(json.loads, exported(run).splitlines()) if e.get("kind") in kinds]


def all_accounted(run):
    return accounted(lines_of(run, "request", "reply", "ask", "turned_down", "evaluation"))


def sent_key(server):
    headers = {name.lower(): value for name, value in server.requests[0][1].items()}
    return headers.get("authorization", "")


def test_a_good_scientist_is_followed_to_the_best_law(rows, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEST_KEY", KEY)
    with FakeServer(Scientist()) as server:
        config = config_file(tmp_path, server.url, reflect_every=5, in_flight=2, evolve={"evaluations": 14})
        code, s, err = run_json(capsys, "--config", config, "--data-dir", rows, "--out", tmp_path / "runs")
    assert code == 0, err
    run = Path(s["path"])
    best = (run / "best_program.py").read_text()
    assert "q[1] * np.log(P) + 1" in best
    assert s["validation"]["r2"] > 0.999 and s["heldout"]["r2"] > 0.999
    assert s["evaluations"] == 14
    assert s["llm"]["improvements"] >= 1 and s["llm"]["tokens_in"] == 700 * s["llm"]["requests"]
    assert s["llm"]["cost"] == pytest.approx((700 * 1.0 + 300 * 2.0) / 1e6 * s["llm"]["requests"])
    requests = all_accounted(run)
    memos = [n for n, r in requests.items() if r["purpose"] == "memo"]
    assert memos
    last = max(n for n, r in requests.items() if r["purpose"] == "propose")
    assert "saturating terms in P help" in requests[last]["messages"][1][1]
    assert sent_key(server) == f"Bearer {KEY}"
    for path in run.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_a_recorded_run_is_repeated_without_network(rows, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEST_KEY", KEY)
    with FakeServer(Unreliable(Scientist(delay_s=0.05), one_in=4)) as server:
        config = config_file(
            tmp_path, server.url, proposer="mixed", reflect_every=5, in_flight=2, evolve={"evaluations": 14}
        )
        code, s, err = run_json(capsys, "--config", config, "--data-dir", rows, "--out", tmp_path / "runs")
    assert code == 0, err
    all_accounted(s["path"])
    makers = Counter(e["candidate"]["proposer"] for e in lines_of(s["path"], "evaluation"))
    assert makers["formula"] and makers["llm"], makers
    monkeypatch.delenv("TEST_KEY")
    n = len(server.requests)
    code, again, err = run_json(
        capsys, "--replay", s["path"], "--data-dir", rows, "--out", tmp_path / "again"
    )
    assert code == 0, err
    assert len(server.requests) == n
    assert exported(again["path"]) == exported(s["path"])
    assert again["law"] == s["law"] and again["heldout"] == s["heldout"] and again["llm"] == s["llm"]


def test_killed_no_stored_reply_is_paid_again(rows, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEST_KEY", KEY)
    seen = Counter()

    def model(body, inner=Variants(delay_s=0.15)):  # noqa: B008 - one model for the whole test
        seen[json.dumps(body["messages"])] += 1
        return inner(body)

    with FakeServer(model) as server:
        config = config_file(tmp_path, server.url, evolve={"evaluations": 8}, reflect_every=6)
        out = tmp_path / "runs"
        options = ["--config", config, "--data-dir", rows, "--out", out]
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.evolve", *map(str, options), "--json"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            journals = list(out.glob("*/journal.sqlite"))
            if journals and len(lines_of(journals[0].parent, "reply")) >= 3:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=90)
        assert process.returncode == -signal.SIGKILL, said
        (journal,) = out.glob("*/journal.sqlite")
        stored = [e["request"] for e in lines_of(journal.parent, "reply")]
        assert len(stored) == len(set(stored)) >= 3
        code, s, err = run_json(capsys, "--resume", journal.parent, "--data-dir", rows, "--out", out)
    assert code == 0, err
    assert s["evaluations"] == 8
    requests = all_accounted(journal.parent)
    # What was asked twice was in flight at the kill, eight at most.
    assert sum(seen.values()) - len(requests) <= 8
    wire = Counter(
        json.dumps([{"role": r, "content": t} for r, t in q["messages"]]) for q in requests.values()
    )
    assert set(seen) == set(wire)


def test_no_held_out_number_reaches_a_prompt(tmp_path, capsys, monkeypatch):
    """Two tables that differ in their held-out rows alone, features too, give the same prompts, byte for byte."""
    monkeypatch.setenv("TEST_KEY", KEY)
    bodies = []
    for name, heldout in (("a", (7.77e9, 16, 7.7777)), ("b", (8.88e12, 4096, -88888.8))):
        rows = write_rows(tmp_path / name, heldout)
        with FakeServer(Scientist()) as server:
            config = config_file(
                tmp_path, server.url, in_flight=1, reflect_every=4, evolve={"workers": 1, "evaluations": 6}
            )
            code, _, _ = run_json(capsys, "--config", config, "--data-dir", rows, "--out", tmp_path / "runs")
        assert code == 0
        bodies.append(server.bodies)
    assert len(bodies[0]) > 4
    assert bodies[0] == bodies[1]
    text = json.dumps(bodies)
    assert "7.777" not in text and "8888" not in text and "4096" not in text.replace('"max_tokens": 4096', "")


def fails(capsys, *args):
    code = evolve.main([str(a) for a in args])
    captured = capsys.readouterr()
    assert code == 2 and len(captured.err.strip().splitlines()) == 1, captured.err
    return captured.err


def test_wrong_use_gets_one_clear_line(rows, tmp_path, capsys, monkeypatch):
    common = ["--data-dir", rows, "--out", tmp_path / "runs", "--task", "parallel"]
    err = fails(capsys, *common, "--proposer", "llm", "--model", "m")
    assert "OPENAI_API_KEY" in err and "OPENAI_BASE_URL" in err and "--proposer formula" in err
    assert "OPENAI_API_KEY" in fails(capsys, *common, "--proposer", "mixed")
    assert "--model is for models" in fails(capsys, *common, "--model", "m")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "no model: give --model" in fails(capsys, *common, "--proposer", "llm")
    assert "no price is known" in fails(
        capsys, *common, "--proposer", "llm", "--model", "m", "--max-cost", "1"
    )
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:{KEY}@localhost/v1")
    err = fails(capsys, *common, "--proposer", "llm", "--model", "m")
    assert "without user, password" in err and KEY not in err
    config = config_file(tmp_path, "http://127.0.0.1:9/v1")
    assert "TEST_KEY" in fails(capsys, "--config", config, "--data-dir", rows, "--out", tmp_path / "runs")
    config = config_file(tmp_path, None, models=[{"base_url": "http://127.0.0.1:9/v1"}])
    assert "llm.models[0].model: expected a value" in fails(capsys, "--config", config)
    config = config_file(tmp_path, None, models=[{"model": "m", "temperature": "warm"}])
    assert "llm.models[0].temperature: expected a number >= 0" in fails(capsys, "--config", config)
    assert not (tmp_path / "runs").exists()


def test_templates_of_the_user_replace_ours(rows, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEST_KEY", KEY)
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for name in ("full", "diff", "cross", "law"):
        (prompts / f"{name}.md").write_text("My own: {{title}}\n{{parent}}")
    with FakeServer(Variants()) as server:
        config = config_file(tmp_path, server.url, prompts=str(prompts), evolve={"evaluations": 6})
        code, _, _ = run_json(capsys, "--config", config, "--data-dir", rows, "--out", tmp_path / "runs")
    assert code == 0
    assert all(b["messages"][1]["content"].startswith("My own: parallel") for b in server.bodies)
    (prompts / "full.md").write_text("{{heldout}}")
    err = fails(capsys, "--config", config, "--data-dir", rows, "--out", tmp_path / "runs")
    assert "{{heldout}} is filled by nothing" in err


def test_an_empty_answer_of_a_server_that_is_no_endpoint(rows, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    args = [
        "--proposer",
        "llm",
        "--model",
        "m",
        "--task",
        "parallel",
        "--data-dir",
        rows,
        "--minutes",
        "0.05",
    ]
    code, s, err = run_json(capsys, *args, "--out", tmp_path / "runs")
    assert code in (0, 1) and s["ending"] == "budget"  # 1 where no seed was scored in the few seconds
    assert s["llm"]["tokens_in"] == 0
    assert "127.0.0.1:9" in err or s["llm"]["requests"] == 0


@pytest.mark.slow
def test_a_suite_with_models_makes_the_same_card_with_tokens_and_money(tmp_path, rows, monkeypatch):
    monkeypatch.setenv("TEST_KEY", KEY)
    with FakeServer(Scientist()) as server:
        config = config_file(tmp_path, server.url, evolve={"workers": 1, "evaluations": 7})
        options = [
            "--task",
            "parallel",
            "--data-dir",
            str(rows),
            "--config",
            str(config),
            "--proposer",
            "llm",
        ]
        options += ["--seeds", "2", "--evaluations", "7", "--no-random", "--no-hindsight"]
        assert bench.main([*options, "--out", str(tmp_path / "bench")]) == 0
    card = (tmp_path / "bench" / "README.md").read_text()
    assert "Models: " in card and "money 0.0" in card and "seed 1: " in card
    assert (tmp_path / "bench" / "runs.csv").read_text().count("parallel,llm") == 2

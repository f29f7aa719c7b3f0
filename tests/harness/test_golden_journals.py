"""Journals of fixed seeds against what they were: a change that is not meant to change a search must not change these.

`journals/made_up.txt` is exact: scores depend on the text of programs alone, so each entry stands there with a hash of all of
its bytes. `journals/sandbox.txt` is of programs really fitted: processors differ, and where rows hardly determine a constant they differ in the third digit, so
errors need agree to 3 %, laws to the letter. After a wanted change: `python tests/harness/test_golden_journals.py` writes both anew; read the difference, and say in
the commit why seeds no longer give what they gave.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (2, 1)]

from test_evolve_command import evolve_json, exported, write_rows
from test_search_loop import searched

GOLDEN = Path(__file__).resolve().parent / "journals"
ERROR = re.compile(r"(?<=: scored) [0-9.e-]+$")
OPTIONS = ["--task", "parallel", "--workers", "1", "--evaluations", "12", "--seed", "11"]


def entries(text):
    """Journal entries that tell what was tried and what came of it, one line each, without their values."""
    for line in text.splitlines():
        entry = json.loads(line)
        if entry.get("kind") == "evaluation":
            candidate = entry["candidate"]
            draft = candidate["draft"]
            lineage = f"{candidate['id']} of {candidate['parent']} and {candidate['mate']}"
            yield line, entry, f"{lineage}: {draft['edit']}: {draft['law']}: {entry['status']}"


def made_up(folder):
    """The whole journal of 80 evaluations with made-up scores."""
    _, _, text = searched(folder / "made_up.sqlite", 80)
    told = [f"{said} {hashlib.sha256(line.encode()).hexdigest()[:16]}" for line, _, said in entries(text)]
    return "\n".join([*told, f"all {hashlib.sha256(text.encode()).hexdigest()}", ""])


def sandboxed(folder, capsys):
    """Twelve evaluations in the sandbox on rows made here, errors to three digits."""
    rows = write_rows(folder / "rows")
    _, summary = evolve_json(capsys, *OPTIONS, "--data-dir", rows, "--out", folder / "runs")
    told = []
    for _, entry, said in entries(exported(summary["path"])):
        error = entry["validation_error"]
        told.append(said if error is None else f"{said} {error:.3g}")
    return "\n".join([*told, f"chosen {summary['law']}", ""])


def test_the_journal_of_a_seed_is_what_it_was(tmp_path):
    assert made_up(tmp_path) == (GOLDEN / "made_up.txt").read_text(encoding="utf-8")


def test_the_laws_that_a_seed_tries_are_what_they_were(tmp_path, capsys):
    now, errors = apart(sandboxed(tmp_path, capsys))
    then, before = apart((GOLDEN / "sandbox.txt").read_text(encoding="utf-8"))
    assert now == then
    assert errors == pytest.approx(before, rel=0.03)


def apart(told):
    """Lines without the errors at their ends, and those errors."""
    lines = [ERROR.subn("", line) for line in told.splitlines()]
    errors = [float(line.rpartition(" ")[2]) for line in told.splitlines() if ERROR.search(line)]
    assert len(errors) == sum(n for _, n in lines) > 5
    return [line for line, _ in lines], errors


if __name__ == "__main__":
    import contextlib
    import io
    import tempfile
    from types import SimpleNamespace

    class Output:
        """What `capsys` gives, outside of a test."""

        def __init__(self):
            self.text = io.StringIO()

        def readouterr(self):
            return SimpleNamespace(out=self.text.getvalue())

    with tempfile.TemporaryDirectory() as folder:
        output = Output()
        with contextlib.redirect_stdout(output.text):
            sandbox = sandboxed(Path(folder), output)
        (GOLDEN / "sandbox.txt").write_text(sandbox, encoding="utf-8")
        (GOLDEN / "made_up.txt").write_text(made_up(Path(folder)), encoding="utf-8")

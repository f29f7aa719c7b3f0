"""The wheel, installed where no checkout is: what a user of `pip install` gets."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def ran(*command, cwd, env):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_works_where_no_checkout_is(tmp_path):
    """No network: the libraries are those of this environment, the package is the wheel's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SLD_", "PYTHON"))}
    env |= {
        "SLD_OFFLINE": "1",
        "SLD_CACHE_DIR": str(tmp_path / "cache"),
        "SLD_TASKS_DIR": str(tmp_path / "user"),
    }
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    name = ran(sys.executable, "-c", build, tmp_path, cwd=ROOT, env=env).split()[-1]
    with zipfile.ZipFile(tmp_path / name) as wheel:
        names = wheel.namelist()
    tops = {path.partition("/")[0] for path in names}
    assert not tops & {"seeds", "programs", "configs", "tests", "runs", "benchmarks"}
    for folder in ("seeds", "programs", "configs"):
        assert any(path.startswith(f"harness/data/{folder}/") for path in names)
    assert "harness/py.typed" in names and any(path.endswith("licenses/LICENSE") for path in names)
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=False)
    python = fresh / "bin" / "python"
    place = Path(
        ran(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd="/", env=env).strip()
    )
    with zipfile.ZipFile(tmp_path / name) as wheel:
        wheel.extractall(place)
    (place / "libraries.pth").write_text(f"{Path(np.__file__).parents[1]}\n")
    listed = ran(python, "-m", "harness", "tasks", "list", cwd=tmp_path, env=env)
    assert "finetune_vocab" in listed
    where = ran(python, "-c", "import harness; print(harness.__file__)", cwd=tmp_path, env=env)
    assert Path(where.strip()).is_relative_to(fresh)
    options = (
        "--task",
        "finetune_vocab",
        "--config",
        "quick",
        "--evaluations",
        "5",
        "--workers",
        "1",
        "--json",
    )
    said = ran(python, "-m", "harness", "evolve", *options, cwd=tmp_path, env=env)
    assert '"evaluations": 5' in said

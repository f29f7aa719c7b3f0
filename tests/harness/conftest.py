"""Runs that tests of several files look at, made once for all of them; copy one before you change it."""

import contextlib
import fcntl
import gc
import io
import os
import warnings

import pytest


def once(tmp_path_factory, name, make):
    """The folder `name`, made by the first worker of pytest-xdist that asks for it; the others wait."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = root / f"{name}.whole"
        if not whole.exists():
            make(root / name)
            whole.touch()
    return root / name


@pytest.fixture(scope="module")
def after_dask():
    """Collects the sockets that Dask lets go of without closing them, where they fail no other test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def suite_rows(tmp_path_factory):
    from test_evolve_command import write_rows

    return once(tmp_path_factory, "suite_rows", lambda place: write_rows(place, seed=4))


@pytest.fixture(scope="session")
def suite(suite_rows, tmp_path_factory):
    """A suite of two seeds that has ended, with random laws beside it, begun with one seed and gone on with the other."""

    from suites import run_suite

    def make(out):
        assert run_suite(suite_rows, out, "--seeds", "1") == 0
        first, said = (out / "parallel-formula-s0" / "summary.json").read_text(), io.StringIO()
        with contextlib.redirect_stderr(said):
            assert run_suite(suite_rows, out) == 0
        assert said.getvalue().count("evaluations,") == 2, "only the new seed runs, and its control"
        assert (out / "parallel-formula-s0" / "summary.json").read_text() == first

    return once(tmp_path_factory, "suite", make)


@pytest.fixture(scope="session")
def nested_suite(suite_rows, tmp_path_factory):
    """The same with the outer rows of train in place of the held-out rows: one seed, no control."""

    from suites import run_suite

    def make(out):
        options = ("--seeds", "1", "--no-random", "--no-hindsight", "--nested", "0.3")
        assert run_suite(suite_rows, out, *options) == 0

    return once(tmp_path_factory, "nested_suite", make)

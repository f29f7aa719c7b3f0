"""Curves to test on: simulated ones with a known end, and the public Delphi set where it is at hand."""

from pathlib import Path

import numpy as np
import pytest
import real_rows

from curves import Curve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def curve_sets():
    """The folder of the public curve sets; a test that needs its figures is skipped without it."""
    return real_rows.needed("SLD_CURVES_DIR", "delphi_midtraining/trajectories.csv")


def simulated(seed, runs=8, n=30, noise=0.002):
    """Runs of power curves with a linear drift, two mixes, two scales; deterministic by seed."""
    rng = np.random.default_rng(seed)
    tau = np.linspace(0, 1, n)
    found = []
    for i in range(runs):
        mix, lr, C = ("a", "b")[i % 2], (0.3, 0.6)[i // 2 % 2], (1e19, 1e20)[i // 4 % 2]
        end = 2.0 + 0.1 * (mix == "b") - 0.2 * lr - 0.1 * np.log10(C / 1e19)
        y = end + 0.5 * ((tau + 0.05) ** -0.4 - 1.05**-0.4) + 0.1 * (1 - tau)
        labels = {"mix": mix, "lr_factor": lr, "math_fraction": 0.33 if mix == "a" else 0.67}
        found.append(
            Curve(f"run{i}", tau, y + noise * rng.normal(size=n), labels, step=np.round(1000 * tau), C=C)
        )
    return found


@pytest.fixture
def seed():
    return 20261123


@pytest.fixture
def runs(seed):
    return simulated(seed)


@pytest.fixture
def make_runs():
    return simulated


@pytest.fixture(scope="session")
def made():
    """As `make_runs`, for fixtures that live longer than a test."""
    return simulated

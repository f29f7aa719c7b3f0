"""The published rows, where they are at hand."""

import os
from pathlib import Path

import pytest

from studies.fitting_methods.tables import IsoflopData


@pytest.fixture(scope="session")
def isoflop_data():
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "isoflop"
    folder = Path(os.environ.get("SLD_ISOFLOP_DIR", beside))
    if not (folder / "isoflops.csv").is_file():
        pytest.skip("published IsoFLOP points not found: set SLD_ISOFLOP_DIR to the folder with isoflops.csv")
    return IsoflopData.of(folder)

"""The published rows, where they are at hand."""

import pytest
import real_rows

from studies.fitting_methods.tables import IsoflopData


@pytest.fixture(scope="session")
def isoflop_data():
    folder = real_rows.needed("SLD_ISOFLOP_DIR", "isoflops.csv")
    return IsoflopData.of(folder)

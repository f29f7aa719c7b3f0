"""One sandbox for all the evaluator's tests, and the seed of their rows on every failure."""

from __future__ import annotations

import pytest
from evaluator_cases import QUICK, SEED

from evaluator import Evaluator, LocalSandbox


@pytest.fixture(scope="session")
def sandbox():
    with LocalSandbox(workers=2) as box:
        yield box


@pytest.fixture
def evaluator(sandbox):
    return Evaluator(sandbox, QUICK)


@pytest.fixture(autouse=True)
def shown_seed(request):
    print(f"seed of the rows: {SEED}")

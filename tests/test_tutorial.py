"""The tutorial runs from its first cell to its last, in a kernel of its own."""

import pytest

from tests.run_tutorial import NOTEBOOK, executed, printed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_tutorial_ends_with_a_decision():
    for needed in ("nbclient", "ipykernel"):
        pytest.importorskip(needed)
    said = printed(executed())
    assert "R2 0." in said and "best so far 3.637; train N=" in said and "def law(N, D):" in said


def test_the_tutorial_keeps_its_outputs_and_no_path_of_a_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "best so far 3.637; train N=" in text
    assert "/tmp/" not in text and "/home/" not in text and "Traceback" not in text

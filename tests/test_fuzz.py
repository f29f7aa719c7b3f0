"""A little of `make fuzz`, so that it runs: the same few inputs each time."""

import pytest

import tests.fuzz as fuzz


@pytest.mark.parametrize("name", ["replies", "configs", "tables"])
def test_a_few_changed_inputs_are_taken_or_refused_on_one_line(name, tmp_path):
    assert fuzz.fuzz(fuzz.KINDS[name](tmp_path, None), 1, 15) is None

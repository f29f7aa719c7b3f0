"""Numbers as people write them: what is read, what is told, and what has two readings."""

import numpy as np
import pytest

from tables.numbers import Marks, marks, understand

DOT, COMMA = Marks(dot="4.73"), Marks(comma="4,73")


@pytest.mark.parametrize(
    ("cells", "values", "told"),
    [
        (["1,000", "1,234,567", "900"], [1000, 1234567, 900], "1,000 as 1000"),
        (["4,7337", "3,681", "2"], [4.7337, 3.681, 2], "4,7337 as 4.7337"),
        (
            ["70M", "1.5B", "12.8m", "561 M", "300K", "2T", "3 million"],
            [7e7, 1.5e9, 1.28e7, 5.61e8, 3e5, 2e12, 3e6],
            "70M as 7e+07",
        ),
        (["31.3%", "5 %", "100%"], [0.313, 0.05, 1.0], "31.3% as 0.313"),
        (["100/6000", "200 / 6000"], [100, 200], "100 of 6000"),
        (["2.4e19", "210000000000000000000"], [2.4e19, 2.1e20], ""),
        (["−0.5", "1.5×10^9", "10^21", "2*10**3"], [-0.5, 1.5e9, 1e21, 2000], "1.5×10^9"),
        (["1.234.567,5", "2,5"], [1234567.5, 2.5], ""),
        (["1,234,567.5"], [1234567.5], ""),
        (["1 000", "12 345,5"], [1000, 12345.5], ""),
        (["1'000", "2'000'000"], [1000, 2e6], "1'000"),
        ([" 3 ", "+4", ".5", "6."], [3, 4, 0.5, 6], ""),
        (["inf", "-Infinity", "∞"], [np.inf, -np.inf, np.inf], ""),
        ([1, 2.5, 10**30], [1, 2.5, 1e30], ""),
    ],
)
def test_what_is_read_and_told(cells, values, told):
    found = understand(cells)
    assert not found.readings and not found.bad
    assert found.values == pytest.approx(values, rel=1e-15)
    assert told in " ".join(found.notes)


@pytest.mark.parametrize("word", ["", "NA", "n/a", "NaN", "null", "None", "-", "—", None])
def test_missing_is_missing(word):
    found = understand(["1.5", word, "2,000.5"])
    assert found.missing == [1] and np.isnan(found.values[1]) and not found.bad


@pytest.mark.parametrize(
    "word", ["oops", "1_0", "1.2.3", "7 apples", "0x10", "1e", "<3", "12,34,567", "1 2", True, "3GB"]
)
def test_words_are_no_numbers(word):
    assert understand(["1.5", word, "2.5"]).bad == [1]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["100", "1,000"], "'1,000' may be 1000 or 1.000"),
        (["561 M", "1,068 M"], "'1,068' may be 1068 or 1.068"),
        (["1.5", "2,5"], "the decimal mark is a dot in one and a comma in the other"),
        (["31.3%", "0.5"], "a percentage beside a plain number"),
        (["1/3", "1/4"], "a count of a total, or a fraction"),
    ],
)
def test_two_readings_are_named(cells, says):
    assert says in understand(cells).readings


def test_the_file_decides_where_the_column_cannot():
    assert understand(["100", "1,000"], seen=DOT).values.tolist() == [100, 1000]
    assert understand(["1,068", "2,052"], seen=COMMA).values == pytest.approx([1.068, 2.052])
    assert understand(["1.000", "2.000"], seen=COMMA).values.tolist() == [1000, 2000]
    assert understand(["0.0003", "1e-3"], seen=COMMA).values == pytest.approx([0.0003, 0.001])
    assert "may be" in understand(["1.000", "2000"], seen=COMMA).readings
    assert marks([["a", "4,7337"], ["1.5"]]) == Marks("1.5", "4,7337")


def test_the_option_decides():
    assert understand(["100", "1,000"], decimal=",").values.tolist() == [100, 1]
    assert understand(["100", "1,000"], decimal=".").values.tolist() == [100, 1000]

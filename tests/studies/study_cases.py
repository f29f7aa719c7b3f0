"""What the tests of the study share."""

from decimal import Decimal


def agrees(found: float, given: str, slack: float = 0.5) -> bool:
    """Whether a number equals one given as text, to all the digits that are given."""
    number = Decimal(given)
    unit = Decimal(1).scaleb(number.as_tuple().exponent)
    return abs(float(found) - float(number)) <= (slack + 1e-6) * float(unit)


def numbers(text: str) -> list[str]:
    """Numbers of a published table row, blanks or slashes between."""
    return text.replace("/", " ").replace(",", " ").replace("%", " ").split()

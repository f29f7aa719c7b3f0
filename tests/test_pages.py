"""Pages that are made from the code say what the code says."""

from tests import draw_commands
from tests.draw_architecture import PAGE, page


def test_the_page_on_architecture_is_that_of_the_code():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make architecture` and read what changed"


def test_the_page_on_commands_is_that_of_the_parsers():
    assert draw_commands.PAGE.read_text(encoding="utf-8") == draw_commands.page(), (
        "run `make commands` and read what changed"
    )

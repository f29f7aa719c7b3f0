"""Pages that are made from the code say what the code says."""

from tests.draw_architecture import PAGE, page


def test_the_page_on_architecture_is_that_of_the_code():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make architecture` and read what changed"

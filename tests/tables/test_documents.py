"""Documents of others: whatever is wrong with one is one error, found before anything large is built."""

import os

import pytest

from tables.documents import MOST_DIGITS, brief, read_document, read_json, read_yaml
from tables.errors import Unreadable

LEVELS = "\n".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

YAML = {
    "aliases that unfold to 10^8": f"a: &a [x]\n{LEVELS}",
    "merged aliases": "a: &a {k: 1}\n" + LEVELS.replace("[", "{<<: [").replace("]", "]}"),
    "an alias of itself": "&a [*a]",
    "3,000 brackets": "[" * 3000 + "]" * 3000,
    "an integer of 5,000 digits": "x: " + "9" * 5000,
    "one in base sixty": "x: " + "1:" * 200_000 + "1",
    "a small text for a large integer": "x: 0x" + "f" * 290,
    "a date that is none": "x: 2001-99-99",
    "tags": "x: !!int ''",
    "a tag of Python's": "!!python/object/apply:os.system [ls]",
    "an unhashable key": "? [a]\n: 1",
    "a null byte": "x: \0",
    "half a pair": "x: \ud800",
    "much": "- x\n" * 200_000,
    "very much": "x" * 2_000_000,
}


@pytest.mark.parametrize("name", YAML)
def test_a_yaml_text_that_would_harm_is_one_error(name):
    with pytest.raises(Unreadable) as error:
        read_yaml(YAML[name])
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_what_people_write_is_read():
    text = "a: &a {k: 1.5}\nb: {<<: *a, m: [x, 'y', null, true]}\nseed: 123456789012345678901234567890\n"
    assert read_yaml(text) == {
        "a": {"k": 1.5},
        "b": {"k": 1.5, "m": ["x", "y", None, True]},
        "seed": 123456789012345678901234567890,
    }


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": ' * 100_000, "9" * (MOST_DIGITS + 1), "{", "", b"\xff\xfe\x00"]
)
def test_a_json_text_that_would_harm_is_one_error(text):
    with pytest.raises(Unreadable):
        read_json(text)


def test_numbers_of_json_keep_their_kinds():
    assert read_json('[1, -2.5, 1e999, {"a": null}]') == [1, -2.5, float("inf"), {"a": None}]


def test_no_pipe_device_or_folder_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path / "pipe", "pipe"), ("/dev/zero", "device"), (tmp_path, "directory")):
        with pytest.raises(Unreadable, match=said):
            read_document(path)
    with pytest.raises(FileNotFoundError):
        read_document(tmp_path / "none")


def test_a_document_is_read_to_its_limit(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"a\r\nb\rc\n")
    assert read_document(path, 7) == "a\nb\nc\n"
    with pytest.raises(Unreadable, match="larger than 6"):
        read_document(path, 6)
    path.write_bytes(b"ok \xff")
    with pytest.raises(Unreadable, match="not UTF-8: byte 3 is 0xff"):
        read_document(path)


def test_a_foreign_value_in_a_message_is_short():
    assert brief([1, "x"]) == "[1, 'x']"
    assert len(brief("x" * 10**6)) < 200


def test_a_long_number_is_found_wherever_it_stands():
    """The look for one skips through the text, so every place of its first digit is tried."""
    for before in range(MOST_DIGITS + 2):
        text = f'["{"x" * before}", {"7" * (MOST_DIGITS + 1)}]'
        with pytest.raises(Unreadable, match="digits"):
            read_json(text)
        assert read_json(f'["{"x" * before}", {"7" * MOST_DIGITS}]')[1] == int("7" * MOST_DIGITS)

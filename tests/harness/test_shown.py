"""One way to a screen, a page or a spreadsheet: foreign text is seen, and does nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from harness import cli
from tables.shown import Screen, cell, one_line, shown, table_writer

NASTY = {
    "a title": "\x1b]0;owned\x07",
    "clear the screen": "\x1b[2J\x1b[H",
    "the clipboard": "\x1b]52;c;aGk=\x07",
    "one-byte CSI": "\x9b2J",
    "a line written over": "good\rbad",
    "backspaces": "good\x08\x08\x08\x08bad",
    "text turned round": "\u202egnp.exe",
    "nothing to see": "a\u200bb\u2060c\ufeff",
    "a lone surrogate": "\ud800",
    "tags": "a\U000e0041",
    "markup": "[/] [bold red]x[/bold red] [link=http://x]y[/link] :smile:",
}


def printed(*things, **options):
    out = io.StringIO()
    Screen(file=out, width=200, force_terminal=True, color_system=None, **options).print(*things)
    return out.getvalue()


@pytest.mark.parametrize("name", NASTY)
def test_foreign_text_reaches_the_screen_as_text(name):
    text = NASTY[name]
    table = Table("head")
    table.add_row(text)
    for said in (printed(text), printed(Text(text)), printed(table), shown(text)):
        assert not any(c < " " and c != "\n" for c in said), said
        assert not set(said) & set("\x7f\x9b\u202e\u200b\ufeff\ud800\U000e0041")
    if name == "markup":
        assert text in printed(text)
    else:
        assert "\\x" in shown(text) or "\\u" in shown(text) or "\\U" in shown(text)


@given(st.text())
def test_what_is_shown_once_is_shown_the_same_again(text):
    assert shown(shown(text)) == shown(text)
    assert "\n" not in one_line(text)
    shown(text).encode()


def test_a_screen_still_has_colours():
    out = io.StringIO()
    Screen(file=out, force_terminal=True, color_system="standard").print(Text("red", style="red"))
    assert "\x1b[31mred" in out.getvalue()


def test_cells_are_no_formulas():
    out = io.StringIO()
    row = [
        "=HYPERLINK(1)",
        "+1+1",
        "@SUM(A1)",
        "-2+3",
        "\tx",
        "\uff1d1",
        "-1.5",
        -1.5,
        None,
        "c0 - c1*N",
        "a\x1b[2J",
    ]
    table_writer(out).writerow(row)
    (back,) = csv.reader(io.StringIO(out.getvalue()))
    assert back[:6] == ["'=HYPERLINK(1)", "'+1+1", "'@SUM(A1)", "'-2+3", "'\tx", "'\uff1d1"]
    assert back[6:] == ["-1.5", "-1.5", "", "c0 - c1*N", "a\\x1b[2J"]
    assert cell(True) is True


def test_errors_are_shown_too(capsys):
    assert cli.main(["score", "/nowhere/\x1b]0;owned\x07.py", "--task", "sft"]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\\x1b]0;owned" in said

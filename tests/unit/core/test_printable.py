import os

import pytest
from rich.cells import cell_len

from core.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("images/013.png", "images/013.png"),
        ("Schädel 頭.png", "Schädel 頭.png"),
        ("Scha\u0308del Việt.png", "Scha\u0308del Việt.png"),
        ("\x1b[2J\x07a\r\n\tb", r"\x1b[2J\x07a\r\n\tb"),
        ("\x9b31m \x85", r"\x9b31m \x85"),
        ("gnp.\u202eevil\u2066", r"gnp.\u202eevil\u2066"),
        ("\u2028\ufeff\u061c", r"\u2028\ufeff\u061c"),
        (
            "nothing\u200b\u200d\u3164\u2800\ufe0f\U000e0041",
            r"nothing\u200b\u200d\u3164\u2800\ufe0f\U000e0041",
        ),
        (os.fsdecode(b"M\xfcller.png"), r"M\xfcller.png"),
        ("half \ud83d", r"half \ud83d"),
        ("\u0301a", r"\u0301a"),
    ],
)
def test_what_could_control_the_terminal_or_is_not_seen_is_shown_as_an_escape(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_marks_that_pile_up_on_one_letter_are_shown_as_escapes() -> None:
    assert printable("a" + "\u0301" * 4) == "a" + "\u0301" * 4
    assert printable("a" + "\u0301\u0489" * 20 + "b").startswith("a\u0301\u0489\u0301\u0489\\u0301\\u0489")
    assert cell_len(printable("a" + "\u0301" * 40)) == 1 + 36 * len(r"\u0301")


def test_a_message_keeps_its_lines() -> None:
    assert printable_lines("two\nlines\r\n\x1b[2J") == "two\nlines\\r\n\\x1b[2J"

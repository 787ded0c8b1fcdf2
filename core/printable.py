"""Text from outside (file names, cells of tables, readers' names), shown so that it can only be read."""

import unicodedata

_MOST_MARKS = 4
"""Combining marks in a row that are shown: more than scripts need, too few to cover lines."""

_INVISIBLE = {
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
}
"""What Python calls printable and nothing is drawn for: Default_Ignorable_Code_Point of Unicode's
DerivedCoreProperties.txt, and the empty Braille pattern."""
_BYTES = range(0xDC80, 0xDD00)
"""What `os.fsdecode` makes of the bytes 128 to 255 of a name that is no UTF-8."""


def printable(text: str) -> str:
    r"""The text with an escape such as \x1b for each character that does not only show.

    File names can hold any: some move the cursor, change the terminal, turn the direction of the line, show
    as nothing, or pile up on one letter until they cover the lines above. Bytes that are no UTF-8 are \xNN,
    as in `source_name`.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for one in text:
        marks = marks + 1 if unicodedata.category(one) in {"Mn", "Me"} else 0
        harmless = one.isprintable() and ord(one) not in _INVISIBLE and marks <= _MOST_MARKS
        shown.append(one if harmless else _escape(one))
    if text and unicodedata.combining(text[0]):  # it would stand on what is printed before the text
        shown[0] = _escape(text[0])
    return "".join(shown)


def printable_lines(text: str) -> str:
    """As `printable`, of a message of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def _escape(one: str) -> str:
    if ord(one) in _BYTES:
        return f"\\x{ord(one) - 0xDC00:02x}"
    return one.encode("unicode_escape").decode()

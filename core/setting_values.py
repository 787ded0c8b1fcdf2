"""What the text of a setting means, and what is allowed."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from core.broker_url import check_broker_url

# Control characters, halves of surrogate pairs (bytes that are no UTF-8), ends of lines and paragraphs.
_NOT_IN_A_PATH = {"Cc", "Cs", "Zl", "Zp"}
_LONGEST_HOME = 480
"""In bytes. SQLite opens no file with a path of more than 512 (MAX_PATHNAME of its os_unix.c)."""
_PREFIX, _HEADER = re.compile(r"(/[\w-]+)+", re.ASCII), re.compile(r"[A-Za-z0-9-]+")
_YES_NO = dict.fromkeys(("yes", "y", "on", "t"), "true") | dict.fromkeys(("no", "n", "off", "f"), "false")


def read_value(name: str, kind: Any, text: str) -> Any:  # noqa: ANN401 - of the type of that setting
    """The value of the setting of that name and (annotated) type.

    Raises
    ------
    ValueError
        Says what is allowed, and shows nothing of the text.
    """
    if kind.__origin__ in {int, float, bool}:
        text = text.strip()
    if kind.__origin__ is bool:
        text = _YES_NO.get(text.lower(), text)
    if name in _RULES:
        text = _RULES[name](text)
    try:
        return msgspec.convert(text, kind, strict=False, dec_hook=lambda made_of, given: made_of(given))
    except msgspec.ValidationError:
        raise ValueError(f"must be {_allowed(kind)}") from None


def check_home(home: Path) -> None:
    """Refuse a path that messages, logs and the programs that headct starts could not all name alike.

    Raises
    ------
    ValueError
    """
    path = str(home)
    if any(unicodedata.category(character) in _NOT_IN_A_PATH for character in path):
        raise ValueError("must have a path in UTF-8 without line ends and other control characters")
    if len(path.encode()) > _LONGEST_HOME:
        raise ValueError(f"must have a path of at most {_LONGEST_HOME} bytes")


def _home(text: str) -> str:
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        raise ValueError("begins with ~ and the name of no user") from error


def _known_database(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("must start with sqlite:/// or postgresql://")
    return text


def _known_broker(text: str) -> str:
    check_broker_url(text)
    return text


def _known_schedule(text: str) -> str:
    from celery.schedules import ParseException, crontab  # noqa: PLC0415 - slow, and seldom needed

    try:
        crontab.from_string(text)
    except (ParseException, ValueError, TypeError) as error:
        raise ValueError("must be five fields as in `0 3 * * 1` (Mondays at 3:00 UTC)") from error
    return text


def _known_element(text: str) -> str:
    from pydicom.datadict import tag_for_keyword  # noqa: PLC0415 - as above

    keyword, equals, pattern = (part.strip() for part in text.partition("="))
    if not (equals and pattern) or tag_for_keyword(keyword) is None:
        raise ValueError("must be a DICOM keyword and what it is, as in `RequestedProcedurePriority=STAT`")
    return f"{keyword}={pattern}"


def _prefix(text: str) -> str:
    text = text.rstrip("/")
    if text and not _PREFIX.fullmatch(text):
        raise ValueError("must begin with / and have letters, digits, - and _ between slashes")
    return text


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError("must be the name of a header, as `X-Remote-User`")
    return text


def _flower_password(text: str) -> str:
    if "," in text:
        raise ValueError("Flower reads a comma as the end of a login, and a colon as the end of the user")
    return text


def _flower_user(text: str) -> str:
    if ":" in text:
        raise ValueError("Flower reads a comma as the end of a login, and a colon as the end of the user")
    return _flower_password(text)


_RULES: dict[str, Callable[[str], str]] = {
    "home": _home,
    "database_url": _known_database,
    "broker_url": _known_broker,
    "retrain_cron": _known_schedule,
    "stat": _known_element,
    "flower_user": _flower_user,
    "flower_password": _flower_password,
    "web_prefix": _prefix,
    "web_user_header": _header,
    "log_level": str.upper,
}
"""What a type cannot say, by the name of the setting."""


def _allowed(kind: Any) -> str:  # noqa: ANN401 - an annotated type
    """A type and its bounds in words."""
    from msgspec import inspect  # noqa: PLC0415 - only where a value is wrong

    known = inspect.type_info(kind)
    if isinstance(known, inspect.LiteralType):
        return "one of " + ", ".join(map(str, known.values))
    if isinstance(known, inspect.BoolType):
        return "true or false"
    if isinstance(known, inspect.IntType | inspect.FloatType):
        bounds = (
            ("at least", known.ge),
            ("more than", known.gt),
            ("at most", known.le),
            ("less than", known.lt),
        )
        said = " and ".join(f"{words} {bound}" for words, bound in bounds if bound is not None)
        return f"a {'whole ' * isinstance(known, inspect.IntType)}number of {said}"
    return "a text that is not empty"

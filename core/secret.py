"""What must never be shown: a password, or a URL that may hold one."""

import contextlib
import secrets
import tempfile

from core.home import Home


class Secret:
    """A text that no message, log line or traceback shows; false where it is empty."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        """The text itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(not shown)"


def kept_secret(home: Home, name: str) -> str:
    """The generated password of that name in the home, made on first use (mode 0600)."""
    path = home.secrets / name
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # mode 0600
            file.write(secrets.token_urlsafe(24))
            file.flush()
            with contextlib.suppress(FileExistsError):  # another process was first: its secret counts
                path.hardlink_to(file.name)
    return path.read_text().strip()

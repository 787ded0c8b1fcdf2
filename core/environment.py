"""Where the settings stand: in variables of the environment, in files that those name, and in `.env`."""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import SettingsError

PREFIX = "HEADCT_"
_FILE = "_FILE"
_DOTENV = Path(".env")


@dataclass(frozen=True)
class Environment:
    """The variables of headct by their names in capitals, without the empty ones."""

    variables: Mapping[str, str]
    dotenv: Mapping[str, str]

    def find(self, variable: str) -> str | None:
        """The first that there is of the variable, the file that `<variable>_FILE` names, and `.env`.

        Raises
        ------
        SettingsError
            The file cannot be read.
        """
        if variable in self.variables:
            return self.variables[variable]
        path = self.variables.get(variable + _FILE) or self.dotenv.get(variable + _FILE)
        return _read(variable + _FILE, path) if path else self.dotenv.get(variable)

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """A misspelt variable would silently leave the default in force.

        Raises
        ------
        SettingsError
        """
        allowed = {name + ending for name in known for ending in ("", _FILE)}
        for variable in sorted((self.variables.keys() | self.dotenv.keys()) - allowed):
            if not variable.startswith(f"{PREFIX}TEST_"):
                raise SettingsError(
                    f"{variable} is no setting of headct. The settings are listed in docs/settings.md."
                )

    def refuse_open_dotenv(self, secrets: Iterable[str]) -> None:
        """A group may read it, for a service whose settings are another user's.

        Raises
        ------
        SettingsError
            A secret stands in a `.env` that every user of the machine can read.
        """
        for variable in secrets:
            value = self.dotenv.get(variable)
            # A URL without a login is no secret.
            secret = value and ("URL" not in variable or "@" in value)
            if secret and _DOTENV.stat().st_mode & stat.S_IRWXO:
                raise SettingsError(
                    f"{variable} stands in a .env that every user of this machine can read. "
                    "Run `chmod o= .env`."
                )


def read_environment() -> Environment:
    """What is given to this process, with the `.env` of its folder."""
    return Environment(_ours(os.environ), _ours(_dotenv()))


def _ours(given: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in given.items() if value and name.upper().startswith(PREFIX)}


def _dotenv() -> dict[str, str | None]:
    if not _DOTENV.exists():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - mostly there is none

    try:
        return dotenv_values(_DOTENV)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{_DOTENV.absolute()} is no UTF-8 text. Write it anew in UTF-8.") from error


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise SettingsError(
            f"{variable}={path}: the file cannot be read ({why}). "
            "Name a readable file, or unset the variable."
        ) from error

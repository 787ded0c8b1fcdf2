"""Where the settings stand: in variables of the environment, in files that those name, and in `.env`."""

import io
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import SettingsError

PREFIX = "HEADCT_"
_FILE = "_FILE"
_DOTENV = Path(".env")
_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+")
_SERVICE_LINK = re.compile(
    r"HEADCT_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)


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
    """What is given to this process, with the `.env` of its folder.

    Raises
    ------
    SettingsError
        The `.env` cannot be read.
    """
    return Environment(_ours(os.environ), _ours(_dotenv()))


def _ours(given: Mapping[str, str | None]) -> dict[str, str]:
    named = {name.upper(): value for name, value in given.items() if value}
    return {
        name: value
        for name, value in named.items()
        if name.startswith(PREFIX) and not _is_service_link(name, value)
    }


def _is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes, or a linked container, says by this variable where a service named headct-* is.

    The ports of such services have names that settings have too, but the form proto://host:port
    (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
    """
    if name.endswith("_PORT") and _ADDRESS.fullmatch(value):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None


def _dotenv() -> dict[str, str | None]:
    try:
        if not stat.S_ISREG(_DOTENV.stat().st_mode):
            return {}  # a folder of this name is a virtual environment's
        text = _DOTENV.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError(f"{_DOTENV.absolute()} is no UTF-8 text. Write it anew in UTF-8.") from error
    except OSError as error:
        raise SettingsError(
            f"{_DOTENV.absolute()} cannot be read ({error.strerror}). Give this user the right to, or start "
            "headct in another folder."
        ) from error
    if "\0" in text:
        raise SettingsError(f"{_DOTENV.absolute()} holds a NUL, as UTF-16 does. Write it anew in UTF-8.")
    from dotenv import dotenv_values  # noqa: PLC0415 - mostly there is none
    from dotenv.parser import parse_stream  # noqa: PLC0415

    for line in parse_stream(io.StringIO(text)):
        ours = line.key is not None and line.key.upper().startswith(PREFIX)
        if line.error or (ours and line.value is None):
            raise SettingsError(
                f"{_DOTENV.absolute()}, line {line.original.line}, is not of the form NAME=VALUE."
            )
    return dotenv_values(stream=io.StringIO(text))


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise SettingsError(
            f"{variable}={path}: the file cannot be read ({why}). "
            "Name a readable file, or unset the variable."
        ) from error

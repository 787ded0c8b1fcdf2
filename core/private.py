"""Whether what can identify patients, and the passwords, are for headct's user alone."""

import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from core.errors import HomeNotPrivate
from core.home import Home

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ENTER = stat.S_IXGRP | stat.S_IXOTH


def check_private(home: Home, *databases: Path) -> None:
    """Look at the home, what headct keeps in it, and the files of SQLite databases, which may be elsewhere.

    The inbox is left out: a group of people may drop files there. So that they can reach it, the home itself
    may be entered (mode 0711), but not listed.

    Raises
    ------
    HomeNotPrivate
        Names what others may read or write, or what belongs to another user, and says what to do.
    """
    opened = []
    for path in dict.fromkeys(_private(home, *databases)):
        try:
            status = path.lstat()
        except FileNotFoundError:  # a database's journal comes and goes
            continue
        except PermissionError as error:
            me = _name(os.geteuid())
            raise HomeNotPrivate(
                f"{path} cannot be read by {me}. Run headct as the user whom {home.root} belongs to."
            ) from error
        _check_owner(home, path, status)
        allowed = _ENTER if path == home.root.resolve() else 0
        if status.st_mode & _OTHERS & ~allowed:
            opened.append(path)
    if opened:
        raise HomeNotPrivate(_advise(home, opened))


def check_owner(home: Home) -> None:
    """Refuse a home of another user, who could not read what this one writes there.

    Raises
    ------
    HomeNotPrivate
    """
    _check_owner(home, home.root, home.root.stat())


def _check_owner(home: Home, path: Path, status: os.stat_result) -> None:
    if status.st_uid != (me := os.geteuid()):
        owner = _name(status.st_uid)
        raise HomeNotPrivate(
            f"{path} belongs to {owner}, and this is {_name(me)}. Run headct as {owner}, or change the "
            f"owner of everything below {home.root}."
        )


def _private(home: Home, *databases: Path) -> Iterator[Path]:
    # A link in the home may lead to a larger disk; one in /tmp, where a socket can be, is somebody else's.
    yield from (path.resolve() for path in (home.root, *home.private))
    yield home.redis_socket.parent
    yield from _secrets(home)
    for database in databases:
        yield from (Path(f"{database.resolve()}{suffix}") for suffix in ("", "-wal", "-shm"))


def _secrets(home: Home) -> list[Path]:
    try:
        return list(home.secrets.resolve().iterdir())
    except PermissionError:  # the folder itself was looked at
        return []


def _advise(home: Home, opened: list[Path]) -> str:
    paths = shlex.join(str(path) for path in opened)
    advice = f"Other users may read or write what is headct's alone. Run `chmod go= {paths}`."
    if home.root.resolve() in opened:
        advice += f" Where others drop files into the inbox: `chmod 711 {home.root}`."
    if any(home.secrets.resolve() in (path, path.parent) for path in opened):
        advice += (
            f" Then remove the files in {home.secrets}, but not `patient-key`: headct makes new passwords. "
            "Give the accounts of the web page new ones too."
        )
    return advice


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"

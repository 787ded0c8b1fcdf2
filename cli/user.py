"""Who runs the command."""

import getpass
import os

MAX_NAME = 128


def user_name() -> str:
    """Name of this user, of at most 128 characters; `user N` for a container's user without one."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # which of the two depends on Python
        return f"user {os.getuid()}"
    return os.fsencode(name).decode(errors="replace")[:MAX_NAME]

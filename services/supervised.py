"""What the supervisor of `headct up` says of the parts."""

import socket
from typing import Any

from core.home import Home

SUPERVISOR_PASSWORD = "supervisor_password"  # noqa: S105 - the name of the secret
_PATIENCE_S = 5.0
_ENDED = {"BACKOFF", "EXITED", "FATAL", "STOPPED", "UNKNOWN"}
"""States in which a part does not run, and did not only just begin to
(https://supervisord.org/subprocess.html#process-states)."""


def ended_parts(home: Home) -> list[str]:
    """Names of the parts that ended, and may be started again and again; none where `up` does not run."""
    if not home.supervisor_socket.exists():
        return []
    password = home.secret(SUPERVISOR_PASSWORD)
    # With a library of its own, for this one question.
    from xmlrpc.client import Error, ServerProxy  # noqa: PLC0415

    from supervisor.xmlrpc import SupervisorTransport  # noqa: PLC0415

    transport = SupervisorTransport("headct", password, f"unix://{home.supervisor_socket}")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE_S)  # the transport takes none
    try:
        supervisor: Any = ServerProxy("http://localhost", transport).supervisor
        told = supervisor.getAllProcessInfo()
    except (OSError, Error):  # it stops, or never ran
        return []
    finally:
        socket.setdefaulttimeout(before)
    return [part["name"] for part in told if part["statename"] in _ENDED]

"""Ports that parts of headct listen on."""

import socket

from core.errors import PortTaken


def free_port(who: str, variable: str, address: str, port: int) -> int:
    """That port if it is free, or any free one where it is 0.

    Parameters
    ----------
    who, variable
        Who listens there, and how the settings of address and port begin; for the message.

    Raises
    ------
    PortTaken
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise PortTaken(
                f"{who} cannot listen on {address}:{port} ({error.strerror}). Free the port or correct "
                f"{variable}_ADDRESS, or set {variable}_PORT to another (0: any free one)."
            ) from error
        return int(probe.getsockname()[1])

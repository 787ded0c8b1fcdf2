"""What the URL of a Redis may say: a password always, and TLS only with a certificate that is checked."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

_TLS_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_CHECKED = frozenset({"required", "CERT_REQUIRED"})
_OPTIONS = {
    "redis": frozenset(),
    "rediss": _TLS_FILES | {"ssl_cert_reqs"},
    "redis+socket": frozenset({"virtual_host"}),
}


def check_broker_url(url: str) -> None:
    """Refuse a URL that would leave Redis open or unchecked, or that its clients would read differently.

    Raises
    ------
    ValueError
        Says what the URL must be, without showing any of it but names of its options and files.
    """
    if not url.startswith(tuple(f"{scheme}://" for scheme in _OPTIONS)):
        raise ValueError("must start with redis://, rediss:// or redis+socket://")
    try:
        parts = urlsplit(url)
        password, _ = parts.password, parts.port
    except ValueError:  # whose message shows the part that it could not read
        raise ValueError("cannot be read; write special characters of the password as %XX") from None
    if not password:
        raise ValueError(
            "must hold the password of Redis, as in redis://:PASSWORD@HOST:6379/0: whoever reaches a Redis "
            "without one can stop or flood headct"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    allowed = _OPTIONS[parts.scheme]
    if not options.keys() <= allowed:
        raise ValueError(
            f"may have after ? for {parts.scheme}:// only {', '.join(sorted(allowed)) or 'nothing'}"
        )
    if options.get("ssl_cert_reqs", "required") not in _CHECKED:
        raise ValueError(
            "must not switch the check of the certificate off: anybody on the way could be Redis then. For a "
            "self-made certificate name that of its authority: ssl_ca_certs=FILE"
        )
    number = options.get("virtual_host", "") if parts.scheme == "redis+socket" else parts.path.strip("/")
    if number and not (number.isascii() and number.isdecimal()):
        raise ValueError("must name a database of Redis by its number: /0 or, for a socket, virtual_host=0")
    for name in _TLS_FILES & options.keys():
        if not Path(options[name]).is_file():
            raise ValueError(f"names with {name} a file that does not exist: {options[name]}")


def tls_options(url: str) -> dict[str, Any]:
    """How to connect where the URL asks for TLS; empty where it does not.

    Said outright, since kombu does not check the certificate of a bare `rediss://`, and Flower does not
    read the options of a URL.
    """
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return {}
    files = {name: value for name, value in parse_qsl(parts.query) if name in _TLS_FILES}
    return {**files, "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


def celery_url(url: str) -> str:
    """The URL for Celery: it says that the certificate is checked, which kombu else doubts in its log."""
    parts = urlsplit(url)
    if parts.scheme != "rediss" or "ssl_cert_reqs=" in parts.query:
        return url
    return urlunsplit(parts._replace(query=f"{parts.query}&ssl_cert_reqs=required".lstrip("&")))


def without_tls_options(url: str) -> str:
    """The URL without what `tls_options` reads from it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="")) if parts.scheme == "rediss" else url

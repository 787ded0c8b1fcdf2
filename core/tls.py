"""The certificate of the web page."""

import ssl

from core.errors import SettingsError
from core.settings import Settings


def check_tls(settings: Settings) -> None:
    """Look whether certificate and key can be used.

    Raises
    ------
    SettingsError
    """
    certificate, key = settings.web_certificate, settings.web_key
    if (certificate is None) != (key is None):
        raise SettingsError("HEADCT_WEB_CERTIFICATE and HEADCT_WEB_KEY go together: set both, or neither.")
    if certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"HEADCT_WEB_CERTIFICATE and HEADCT_WEB_KEY cannot be used: {error.strerror or error}. Name a "
            "certificate and its key without a password, as PEM files that this user can read."
        ) from error

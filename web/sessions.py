"""The session of a browser: a signed cookie, and the CSRF token that goes with it."""

import hmac
import secrets
import time
from typing import Final, NamedTuple

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "headct"
_LONGEST_S = 12 * 3600
"""A session ends then, however busy."""
_RENEWED_S = 30
"""The cookie is written anew if it was last so long ago."""


class WebSession(NamedTuple):
    """What the cookie says; `account_id` is 0 before somebody has signed in. Times are Unix seconds."""

    key: str
    account_id: int
    generation: int
    begun: int
    used: int


class Sessions:
    """Reads and writes the cookie.

    Parameters
    ----------
    minutes
        Without use; then the session has ended.
    path
        Below which the cookie is sent.
    """

    def __init__(self, secret: str, minutes: float, path: str) -> None:
        self._signer = URLSafeSerializer(secret, salt="session", signer_kwargs={"key_derivation": "hmac"})
        self._secret, self._idle_s, self._path = secret.encode(), minutes * 60, path or "/"

    def begin(self, account_id: int = 0, generation: int = 0) -> WebSession:
        """A new session, of an account or of nobody yet."""
        moment = int(time.time())
        return WebSession(secrets.token_urlsafe(16), account_id, generation, moment, moment)

    def read(self, request: Request) -> WebSession | None:
        """The session of a request; None if there is none, or it has ended."""
        try:
            found = WebSession(*self._signer.loads(request.cookies[COOKIE]))
        except (KeyError, BadData, TypeError):
            return None
        moment = time.time()
        ended = moment - found.used > self._idle_s or moment - found.begun > _LONGEST_S
        return None if ended else found

    def used(self, session: WebSession) -> WebSession | None:
        """The session as it is written anew; None if it need not be yet."""
        moment = int(time.time())
        return session._replace(used=moment) if moment - session.used >= _RENEWED_S else None

    def write(self, request: Request, response: Response, session: WebSession) -> None:
        """Send the cookie."""
        response.set_cookie(
            COOKIE,
            self._signer.dumps(session),
            path=self._path,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )

    def end(self, response: Response) -> None:
        """Have the browser forget it, the pictures that it kept, and notes that were not sent."""
        response.delete_cookie(COOKIE, path=self._path)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'

    def csrf_token(self, session: WebSession) -> str:
        """What a change must bring along, to show that it comes from a page of this session."""
        return hmac.digest(self._secret, f"csrf {session.key}".encode(), "sha256").hex()

    def address_token(self, account_id: int, named: str) -> str:
        """What shows that an address of a picture was given to that account, by what stands in the audit."""
        return hmac.digest(self._secret, f"address {account_id} {named}".encode(), "sha256").hex()[:32]

"""Who asks, and whether they may: asked in this one place, before any page or call of the interface runs."""

import hmac
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from db.states import Role
from services.accounts import Caller, named_by_proxy, of_token, signed_in
from services.audit import Who
from services.context import Context
from web.sessions import Sessions, WebSession

Endpoint = Callable[[Request], Any]
_SAFE = {"GET", "HEAD"}
_FORM = "application/x-www-form-urlencoded"
_BEARER = "Bearer "
_LIVE = "x-live"
"""Header of what a page asks by itself, which does not keep a session alive."""


class Visit(NamedTuple):
    """What is known of a request.

    Attributes
    ----------
    caller
        None where nobody has signed in, and the route is for everybody.
    csrf_token
        For the forms and scripts of the page.
    """

    caller: Caller | None
    csrf_token: str
    form: FormData
    shows_names: bool


def visit(request: Request) -> Visit:
    """What `guarded` found out of a request."""
    found: Visit = request.state.visit
    return found


def caller(request: Request) -> Caller:
    """Who asks, on a route that is not for everybody."""
    found = visit(request).caller
    if found is None:
        raise HTTPException(401)
    return found


def who(request: Request) -> Who:
    """Who asks, as the audit writes it."""
    found = visit(request).caller
    return Who(found.name if found else "", address(request))


def address(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else ""


def context(request: Request) -> Context:
    """Settings, home and engine."""
    found: Context = request.app.state.context
    return found


def is_api(request: Request) -> bool:
    """Whether a program asks, or the live part of a page: errors are problem+json then."""
    prefix: str = context(request).settings.web_prefix
    return request.url.path.startswith(f"{prefix}/api/")


def guarded(
    endpoint: Endpoint, role: Role | None, words: Sequence[str] = ()
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, run only for who has that role (None: everybody), and a change only with its token.

    `words` are those that an address of the interface may have: a misspelt filter is not left out in silence.
    """

    async def run(request: Request) -> Response:
        sessions: Sessions = request.app.state.sessions
        session = sessions.read(request)
        by_token = request.headers.get("authorization", "").startswith(_BEARER) and is_api(request)
        found = await run_in_threadpool(_identify, request, session, by_token=by_token)
        if found is None and role is not None:
            return _sign_in_first(request)
        if session is None or (session.account_id and found is None):
            session = sessions.begin()
            written: WebSession | None = session
        else:
            written = None if _by_itself(request) else sessions.used(session)
        token = sessions.csrf_token(session)
        # Not of the interface: curl calls everything a form that it is not told otherwise of.
        is_form = request.headers.get("content-type", "").startswith(_FORM) and not is_api(request)
        form = await request.form(max_fields=100) if is_form else FormData()
        if any("\0" in str(value) for value in (*request.query_params.values(), *form.values())):
            raise HTTPException(400, "A character that no text has.")  # nor has PostgreSQL
        request.state.visit = Visit(found, token, form, _shows_names(request, found))
        if request.method not in _SAFE and not by_token:
            _check_csrf(request, form, token)
        if role is not None and found is not None and not found.may(role):
            raise HTTPException(403, f"This needs the role {role}.")
        if is_api(request) and (
            unknown := next((one for one in request.query_params if one not in words), None)
        ):
            known = f"only {', '.join(words)}" if words else "nor any other"
            raise HTTPException(400, f"The address has no word {unknown[:20]!a} here, {known}.")
        if inspect.iscoroutinefunction(endpoint):
            response: Response = await endpoint(request)
        else:
            response = await run_in_threadpool(endpoint, request)
        if written and not by_token and "set-cookie" not in response.headers:
            sessions.write(request, response, written)
        return response

    return run


def _by_itself(request: Request) -> bool:
    """Whether no person asks now: pictures of rows that came by themselves cannot say so."""
    return _LIVE in request.headers or (is_api(request) and request.method in _SAFE)


def _identify(request: Request, session: WebSession | None, *, by_token: bool) -> Caller | None:
    ours = context(request)
    if by_token:
        return of_token(ours, request.headers["authorization"].removeprefix(_BEARER))
    header = ours.settings.web_user_header
    if header and request.scope.get("peer") in entries(ours.settings.web_proxies):
        name = request.headers.get(header)
        return named_by_proxy(ours, name) if name else None
    if session is None or not session.account_id:
        return None
    return signed_in(ours, session.account_id, session.generation)


def _shows_names(request: Request, found: Caller | None) -> bool:
    needed = {"readers": Role.READER, "admins": Role.ADMIN}.get(context(request).settings.web_names)
    return found is not None and needed is not None and found.may(needed)


def entries(listed: str) -> list[str]:
    """The entries of a setting that has commas between them."""
    return [entry.strip() for entry in listed.split(",") if entry.strip()]


def _check_csrf(request: Request, form: FormData, token: str) -> None:
    given = request.headers.get("x-csrf-token") or form.get("csrf") or ""
    if not hmac.compare_digest(str(given).encode(), token.encode()):
        raise HTTPException(
            403, "This page is of an earlier session. Load it again, then repeat what you did."
        )


def _sign_in_first(request: Request) -> Response:
    if is_api(request):
        raise HTTPException(
            401,
            "Sign in, or send a token that holds: `Authorization: Bearer TOKEN`.",
        )
    if request.method not in _SAFE:
        raise HTTPException(401, "The session has ended. Sign in again, then repeat what you did.")
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{request.app.url_path_for('sign_in')}?next={quote(asked, safe='')}", 303)

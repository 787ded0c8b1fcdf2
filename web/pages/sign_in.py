"""Signing in and out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import SignInRefused, SignInSlowed
from services import accounts, audit
from web.access import address, context, visit, who
from web.templating import page


def show(request: Request) -> Response:
    """Ask for name and password."""
    if visit(request).caller:
        return RedirectResponse(_next(request), 303)
    return page(request, "sign_in.html", next=request.query_params.get("next", ""), problem=None, name="")


def sign_in(request: Request) -> Response:
    """Begin the session of whom name and password are of."""
    form = visit(request).form
    name = str(form.get("name", ""))
    try:
        caller = accounts.sign_in(context(request), name, str(form.get("password", "")), address(request))
    except SignInRefused as error:
        status, headers = 401, {}
        if isinstance(error, SignInSlowed):
            status, headers = 429, {"Retry-After": str(error.wait_s)}
        told = {"next": str(form.get("next", "")), "problem": str(error), "name": name}
        return page(request, "sign_in.html", status, headers, **told)
    response = RedirectResponse(_next(request), 303)
    sessions = request.app.state.sessions  # a new one: nobody else can have chosen it
    sessions.write(request, response, sessions.begin(caller.account_id, caller.generation))
    return response


def sign_out(request: Request) -> Response:
    """End the session of this browser."""
    audit.record(context(request), who(request), "sign out")
    response = RedirectResponse(str(request.app.url_path_for("sign_in")), 303)
    request.app.state.sessions.end(response)
    return response


def _next(request: Request) -> str:
    """Where to go then: only to a page of this server."""
    asked = str(visit(request).form.get("next") or request.query_params.get("next") or "")
    own = asked.startswith("/") and asked[1:2] not in {"/", "\\"} and asked.isprintable()
    return asked if own else str(request.app.url_path_for("worklist"))

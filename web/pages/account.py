"""One's own account."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import PasswordTooWeak, SignInRefused
from services import accounts
from web.access import caller, context, visit, who
from web.templating import page


def show(request: Request) -> Response:
    """Name, role, and what can be changed."""
    return _page(request, 200, None)


def change_password(request: Request) -> Response:
    """Change the password, which ends all sessions but this one."""
    form = visit(request).form
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    if new != again:
        return _page(request, 422, "The new password was not written twice in the same way.")
    try:
        accounts.change_password(context(request), who(request), old, new)
    except (SignInRefused, PasswordTooWeak) as error:
        return _page(request, 422, str(error))
    response = RedirectResponse(f"{request.app.url_path_for('account')}?changed=1", 303)
    me, sessions = caller(request), request.app.state.sessions
    sessions.write(request, response, sessions.begin(me.account_id, me.generation + 1))
    return response


def sign_out_everywhere(request: Request) -> Response:
    """End all sessions, this one too."""
    accounts.sign_out_everywhere(context(request), who(request))
    response = RedirectResponse(str(request.app.url_path_for("sign_in")), 303)
    request.app.state.sessions.end(response)
    return response


def _page(request: Request, status: int, problem: str | None) -> Response:
    tokens = accounts.list_tokens(context(request), caller(request).name)
    changed = "changed" in request.query_params
    return page(request, "account.html", status, problem=problem, changed=changed, tokens=tokens)

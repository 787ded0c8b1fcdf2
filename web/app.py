"""The web application."""

import hashlib
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.secret import kept_secret
from services.aside import Aside
from services.context import Context
from services.slices import Slices
from web.access import entries
from web.faults import HANDLERS
from web.middleware import Locks, Peer
from web.routes import ROUTES
from web.sessions import Sessions

_SECRET = "web_secret"  # noqa: S105 - the name of the secret


def build(context: Context) -> Starlette:
    """The application, for one home."""
    settings = context.settings
    static = Mount(f"/static/{_digest()}", _Static(packages=[("web", "static")]), name="static")
    routes = [static, *(route.made() for route in ROUTES)]
    app = Starlette(
        routes=[Mount(settings.web_prefix, routes=routes)] if settings.web_prefix else routes,
        middleware=[
            Middleware(Peer),
            Middleware(ProxyHeadersMiddleware, trusted_hosts=entries(settings.web_proxies)),
            Middleware(Locks),
            Middleware(TrustedHostMiddleware, allowed_hosts=entries(settings.web_hosts), www_redirect=False),
        ],
        exception_handlers=HANDLERS,
    )
    app.state.context = context
    app.state.aside = Aside(settings)
    app.state.slices = Slices(context, app.state.aside)
    app.state.names = {route.name for route in ROUTES}
    app.state.sessions = Sessions(
        kept_secret(context.home, _SECRET), settings.web_session_minutes, settings.web_prefix
    )
    return app


class _Static(StaticFiles):
    """Files that browsers need ask for only once: another release serves its own at another address."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:  # noqa: ANN401 - as there
        """As there."""
        response = super().file_response(*arguments, **named)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _digest() -> str:
    """Of all of them, since modules name each other."""
    files = sorted(Path(__file__).with_name("static").iterdir())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files if path.is_file())).hexdigest()[:16]

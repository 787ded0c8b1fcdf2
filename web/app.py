"""The web application."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.secret import kept_secret
from services.aside import Aside
from services.context import Context
from services.slices import Slices
from web.access import proxies
from web.faults import HANDLERS
from web.middleware import Locks, Peer
from web.routes import ROUTES
from web.sessions import Sessions

_SECRET = "web_secret"  # noqa: S105 - the name of the secret


def build(context: Context) -> Starlette:
    """The application, for one home."""
    settings = context.settings
    static = Mount("/static", StaticFiles(packages=[("web", "static")]), name="static")
    routes = [static, *(route.made() for route in ROUTES)]
    app = Starlette(
        routes=[Mount(settings.web_prefix, routes=routes)] if settings.web_prefix else routes,
        middleware=[
            Middleware(Peer),
            Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies(settings.web_proxies)),
            Middleware(Locks),
            Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(settings.web_hosts), www_redirect=False),
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


def _hosts(listed: str) -> list[str]:
    return proxies(listed)

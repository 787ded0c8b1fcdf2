"""The process of the web page."""

import ctypes

import uvicorn

from core.ports import free_port
from core.tls import check_tls
from services.context import Context
from services.upload import remove_unfinished
from web.app import build

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_STOP_S = 3
"""Answers under way have so long when the page is stopped."""


def run_web(context: Context) -> None:
    """Serve the page until SIGTERM.

    Raises
    ------
    PortTaken, SettingsError
    """
    _keep_little_memory()
    settings = context.settings
    check_tls(settings)
    remove_unfinished(context.home)
    port = free_port("The web page", "HEADCT_WEB", settings.web_address, settings.web_port)
    uvicorn.Server(configuration(context, port)).run()


def configuration(context: Context, port: int) -> uvicorn.Config:
    """The server, as it is wanted."""
    settings = context.settings
    return uvicorn.Config(
        build(context),
        host=settings.web_address,
        port=port,
        ssl_certfile=settings.web_certificate,
        ssl_keyfile=settings.web_key,
        log_config=None,
        access_log=False,  # the audit says who saw what; addresses hold filters
        proxy_headers=False,  # `web.app` has its own, which notes the peer before
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
        ws="none",
        lifespan="off",
    )


def _keep_little_memory() -> None:
    """Give the system back what a picture took: by default each thread keeps its own."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # of glibc, mallopt(3)
        mallopt(_MMAP_THRESHOLD, 128 * 1024)
        mallopt(_ARENA_MAX, 2)

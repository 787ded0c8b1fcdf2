"""Handing files over."""

from starlette.requests import Request
from starlette.responses import Response

from services.upload import most_bytes
from web.access import context
from web.templating import page


def show(request: Request) -> Response:
    """Where files are dropped."""
    settings = context(request).settings
    return page(
        request,
        "upload.html",
        most_bytes=most_bytes(settings),
        max_file_mb=settings.max_file_mb,
        max_archive_mb=settings.max_archive_mb,
    )

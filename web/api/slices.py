"""The pictures of images."""

from typing import Final

import imagecodecs
from starlette.requests import Request
from starlette.responses import Response

from services.audit import record
from services.slices import Slices, Stored
from web.access import context, who

_FOR_EVER: Final = "private, max-age=604800, immutable"
"""Of an address that names the pixels by their tag."""
_ASKED: Final = "private, no-cache"
_A_WHILE: Final = "private, max-age=600"


def pixels(request: Request) -> Response:
    """All values of an image, row by row from its upper left corner.

    `X-Headct-Kind: hu` says that they are int16, little endian, in Hounsfield units; `grey` that they are
    bytes from black to white. `X-Headct-Rows` and `X-Headct-Columns` say how many they are,
    `X-Headct-Pixel-Mm` the side of one, where it is known.
    """
    stored = _stored(request)
    kept = _FOR_EVER if request.query_params.get("v") == stored.tag else _ASKED
    if kept is _ASKED:  # else a page named it, whose opening stands in the audit
        record(context(request), who(request), "look", f"image {stored.image_id}")
    if unchanged := _unchanged(request, stored.tag, kept):
        return unchanged
    found = _slices(request).pixels(stored)
    headers = {
        **_headers(stored.tag, kept),
        "X-Headct-Kind": found.kind,
        "X-Headct-Rows": str(found.rows),
        "X-Headct-Columns": str(found.columns),
        **({"X-Headct-Pixel-Mm": f"{found.pixel_mm:g}"} if found.pixel_mm else {}),
    }
    data = found.data
    if "gzip" in request.headers.get("accept-encoding", ""):
        data = bytes(imagecodecs.gzip_encode(data, level=1))  # takes 2 ms, and leaves two fifths
        headers["Content-Encoding"] = "gzip"
    return Response(data, headers=headers, media_type="application/octet-stream")


def preview(request: Request) -> Response:
    """A small JPEG of an image in the brain window, with nothing written on it."""
    stored = _stored(request)
    if unchanged := _unchanged(request, stored.tag, _A_WHILE):
        return unchanged
    small = _slices(request).preview(stored)
    return Response(small, headers=_headers(stored.tag, _A_WHILE), media_type="image/jpeg")


def heatmap(request: Request) -> Response:
    """A PNG to lay over an image: where the network sees what speaks for a hemorrhage.

    `X-Headct-Model` names the version, which is the one in use.
    """
    found = _slices(request).heat(_stored(request))
    headers = {"Cache-Control": _ASKED, "X-Headct-Model": found.version}
    return Response(found.png, headers=headers, media_type="image/png")


def pixels_path(request: Request, image_id: int, tag: str) -> str:
    """The address of an image's pixels that browsers need ask only once."""
    return f"{request.app.url_path_for('api_pixels', image_id=image_id)}?v={tag}"


def _slices(request: Request) -> Slices:
    found: Slices = request.app.state.slices
    return found


def _stored(request: Request) -> Stored:
    return _slices(request).find(request.path_params["image_id"])


def _headers(tag: str, kept: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": kept, "Vary": "Accept-Encoding, Cookie, Authorization"}


def _unchanged(request: Request, tag: str, kept: str) -> Response | None:
    if request.headers.get("if-none-match") != f'"{tag}"':
        return None
    return Response(status_code=304, headers=_headers(tag, kept))

"""The pictures of images."""

import hmac
from typing import Final

import imagecodecs
from starlette.requests import Request
from starlette.responses import Response

from services.audit import record
from services.slices import Slices, Stored
from web.access import caller, context, who

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
    kept = _FOR_EVER if _seen(request, stored) else _ASKED
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
    stored = _stored(request)
    _seen(request, stored)
    found = _slices(request).heat(stored)
    headers = {"Cache-Control": _ASKED, "X-Headct-Model": found.version}
    return Response(found.png, headers=headers, media_type="image/png")


def picture_path(request: Request, route: str, image_id: int, tag: str) -> str:
    """The address, for this caller, of an image's heat map, or of its pixels, which are asked for only once.

    Whoever gives it writes into the audit what is looked at: whoever asks by it is not written again.
    """
    return f"{request.app.url_path_for(route, image_id=image_id)}?v={_token(request, tag)}"


def _token(request: Request, tag: str) -> str:
    token: str = request.app.state.sessions.address_token(caller(request).account_id, tag)
    return token


def _seen(request: Request, stored: Stored) -> bool:
    """Whether the address is one of `picture_path`; if not, the audit has it now."""
    given = request.query_params.get("v", "")
    seen = hmac.compare_digest(given.encode(), _token(request, stored.tag).encode())
    if not seen:
        record(context(request), who(request), "look", f"image {stored.image_id}")
    return seen


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

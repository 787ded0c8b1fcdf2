"""Answers of the JSON interface, and what it is asked."""

from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_Shape = TypeVar("_Shape")
_MOST = 500


def told(found: Any, status: int = 200) -> Response:  # noqa: ANN401 - one of the shapes
    """An answer in JSON."""
    return Response(msgspec.json.encode(found), status, media_type="application/json")


async def taken(request: Request, shape: type[_Shape]) -> _Shape:
    """The body of a request, in that shape.

    Raises
    ------
    HTTPException
        422: it is not of that shape.
    """
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except msgspec.MsgspecError as error:
        raise HTTPException(422, f"The body does not fit: {error}.") from error


def number(request: Request, name: str, default: int, most: int = _MOST) -> int:
    """A number of the address, from 1.

    Raises
    ------
    HTTPException
    """
    text = request.query_params.get(name, str(default))
    if len(text) > len(str(most)) or not text.isdecimal() or not 1 <= int(text) <= most:
        raise HTTPException(400, f"{name}={text[:20]!a} is no number from 1 to {most}.")
    return int(text)

"""How errors reach who asks: a page with what to do next, or problem+json (RFC 9457) for a program."""

import logging
import re
from collections.abc import Callable
from http import HTTPStatus

import msgspec
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core import errors
from core.printable import printable_lines
from db.engine import UNAVAILABLE
from web.access import is_api
from web.templating import page

logger = logging.getLogger(__name__)

_STATUS: dict[type[errors.HeadctError], int] = {
    errors.NoSuchStudy: 404,
    errors.NoSuchFile: 404,
    errors.NoSuchImage: 404,
    errors.NoSuchVersion: 404,
    errors.NoSuchAccount: 404,
    errors.RunNotFound: 404,
    errors.SignInSlowed: 429,
    errors.SignInRefused: 401,
    errors.StoreUnavailable: 503,
    errors.HelperLost: 503,
    errors.DatabaseError: 503,
    errors.BrokerUnusable: 503,
    errors.DiskNearlyFull: 507,
}
"""By kind of error; others are 409: what was asked cannot be done as things stand."""
_TITLES = {
    400: "That cannot be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "Not possible now",
    413: "Too large",
    422: "That cannot be read",
    429: "Too many tries",
    500: "A fault of headct",
    503: "Not available now",
    507: "The disk is nearly full",
}


def answer(request: Request, status: int, code: str, detail: str) -> Response:
    """An error's answer; `code` is one of a few words that programs can rely on."""
    title = _TITLES.get(status, "Not possible")
    if is_api(request):
        problem = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
        return Response(msgspec.json.encode(problem), status, media_type="application/problem+json")
    return page(request, "fault.html", status, title=title, detail=detail)


def refused(request: Request, error: Exception) -> Response:
    """Of an error that headct raises on purpose."""
    code = error.reason.code if isinstance(error, errors.RejectedImage) else _code(type(error))
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 409)
    response = answer(request, status, code, printable_lines(str(error)))
    if isinstance(error, errors.SignInSlowed):
        response.headers["Retry-After"] = str(error.wait_s)
    return response


def database_refused(request: Request, error: Exception) -> Response:
    """Of an error of the database, whose text is for the log."""
    away = isinstance(error, (*UNAVAILABLE, NoConnection))
    logger.error("the database refused: %s", type(getattr(error, "orig", error)).__name__)
    told = "The database does not answer. Nothing was changed; try again in a minute (`headct doctor` looks)."
    return answer(request, 503 if away else 500, "database_unavailable" if away else "database_refused", told)


def http_refused(request: Request, error: Exception) -> Response:
    """Of a route that is not there, a role that is missing and the like."""
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    title = _TITLES.get(status, "Not possible")
    title = "There is no such page" if status == 404 and not is_api(request) else title
    detail = error.detail if error.detail and not error.detail.startswith(_phrase(status)) else f"{title}."
    response = answer(request, status, _code_of_status(status), detail)
    response.headers.update(error.headers or {})
    return response


def failed(request: Request, error: Exception) -> Response:
    """Of a fault of headct's; its trace is in the log, without values."""
    logger.error("%s %s failed", request.method, request.scope.get("path"), exc_info=error)
    return answer(request, 500, "fault", "This is a fault of headct's. The log of the web page has more.")


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    errors.HeadctError: refused,
    DBAPIError: database_refused,
    NoConnection: database_refused,
    HTTPException: http_refused,
}


def _code(kind: type[Exception]) -> str:
    """`NoSuchStudy` is `no_such_study`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _code_of_status(status: int) -> str:
    return {401: "not_signed_in", 403: "not_allowed", 404: "not_found", 413: "too_large"}.get(
        status, _phrase(status).lower().replace(" ", "_")
    )


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase

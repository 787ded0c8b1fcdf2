"""Pages out of templates: everything is escaped, and what a template names but nobody gave is an error."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from core.printable import printable
from db.engine import now
from db.states import Role

NOTICE = "For research only. No diagnosis."


def page(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,  # noqa: ANN401 - whatever that template shows
) -> HTMLResponse:
    """A page, or part of one."""
    found = getattr(request.state, "visit", None)
    common = {
        "request": request,
        "caller": found and found.caller,
        "is_admin": bool(found and found.caller and found.caller.may(Role.ADMIN)),
        "csrf_token": found.csrf_token if found else "",
        "shows_names": bool(found and found.shows_names),
        "notice": NOTICE,
        "served": request.app.state.names,
    }
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(common | values), status, headers)


@pass_context
def _url_for(context: Mapping[str, Any], name: str, **path: Any) -> str:  # noqa: ANN401 - numbers and names
    """The path of a route: without the host, which a proxy may change."""
    return str(context["request"].app.url_path_for(name, **path))


def _moment(moment: datetime | None) -> str:
    """In the time zone of this machine; a scanner's clock tells none."""
    if moment is None:
        return ""
    return (moment.astimezone() if moment.tzinfo else moment).strftime("%Y-%m-%d %H:%M")


def _ago(moment: datetime) -> str:
    """How long ago, in the two largest units."""
    minutes = max(0, int((now() - moment).total_seconds() // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _figure(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


_ENVIRONMENT = Environment(
    loader=PackageLoader("web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["url_for"] = _url_for
_ENVIRONMENT.filters |= {"moment": _moment, "ago": _ago, "figure": _figure, "printable": printable}

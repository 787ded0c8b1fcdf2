"""The worklist's filter, as it stands in an address."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request

from db.states import ImageLabel, StudyState
from db.worklist import Sort, WorklistFilter
from web.access import visit

PAGE = 50
_VERDICTS = (ImageLabel.HEMORRHAGE.value, ImageLabel.NORMAL.value, "none")
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "state": tuple(StudyState),
    "label": (*ImageLabel, "none"),
    "verdict": _VERDICTS,
    "warnings": ("yes", "no"),
    "sort": get_args(Sort),
    "order": ("up", "down"),
}
"""What each word of the filter can be."""
WORDS = (*ALLOWED, "since", "until", "search", "page")
_DEFAULT_ORDER = {"urgency": "up", "received": "up", "study_time": "down", "probability": "down"}
_LONGEST, _MOST_PAGES = 64, 10_000_000
_YEARS = range(1900, 9999)


def words(request: Request) -> dict[str, str]:
    """What stands in the address and is not empty.

    Raises
    ------
    HTTPException
        400: something that is not allowed.
    """
    given = {
        name: request.query_params[name].strip()
        for name in WORDS
        if request.query_params.get(name, "").strip()
    }
    for name, allowed in ALLOWED.items():
        if name in given and given[name] not in allowed:
            raise HTTPException(400, f"{name}={given[name]!a} is not one of {', '.join(allowed)}.")
    if len(given.get("search", "")) > _LONGEST:
        raise HTTPException(400, f"Search for at most {_LONGEST} characters.")
    return given


def wanted(request: Request, *, studies_only: bool = False, limit: int = PAGE) -> WorklistFilter:
    """The filter that the address names.

    Raises
    ------
    HTTPException
        400: something that is not allowed.
    """
    given = words(request)
    sort: Any = given.get("sort", "urgency")
    until = _day(given, "until")
    return WorklistFilter(
        state=given.get("state"),
        label=given.get("label"),
        verdict=given.get("verdict"),
        warnings={"yes": True, "no": False}.get(given.get("warnings", "")),
        since=_day(given, "since"),
        before=None if until is None else until + timedelta(days=1),
        search=given.get("search"),
        in_names=visit(request).shows_names,
        studies_only=studies_only,
        sort=sort,
        descending=given.get("order", _DEFAULT_ORDER[sort]) == "down",
        limit=limit,
        offset=(page_number(given) - 1) * limit,
    )


def page_number(given: Mapping[str, str]) -> int:
    """Which page, from 1.

    Raises
    ------
    HTTPException
    """
    page = given.get("page", "1")
    if len(page) > len(str(_MOST_PAGES)) or not page.isdecimal() or not 1 <= int(page) <= _MOST_PAGES:
        raise HTTPException(400, f"page={page[:20]!a} is no number of a page.")
    return int(page)


def query(given: Mapping[str, str], **changed: str) -> str:
    """The filter as the end of an address, with some words changed (empty: left out)."""
    merged = {name: value for name, value in {**given, **changed}.items() if value}
    return f"?{urlencode(merged)}" if merged else ""


def sorts(given: Mapping[str, str]) -> dict[str, str]:
    """For each order the end of the address that sorts so; that of the present one turns it round."""
    present = given.get("sort", "urgency")
    turned = {"up": "down", "down": "up"}
    found = {}
    for name, order in _DEFAULT_ORDER.items():
        way = turned[given.get("order", order)] if name == present else order
        found[name] = query(given, sort=name, order="" if way == order else way, page="")
    return found


def _day(given: Mapping[str, str], name: str) -> datetime | None:
    """The beginning of a day, by this machine's time zone."""
    if name not in given:
        return None
    try:
        day = datetime.strptime(given[name], "%Y-%m-%d")  # noqa: DTZ007 - below
    except ValueError:
        day = datetime.min  # noqa: DTZ901 - as the others
    if day.year not in _YEARS:
        raise HTTPException(400, f"{name}={given[name][:20]!a} is no day, as 2026-03-14.")
    return day.astimezone()

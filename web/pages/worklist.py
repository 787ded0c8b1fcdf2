"""The worklist."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from db.worklist import WorklistFilter
from services.worklist import Worklist, find
from web.access import context, visit
from web.filters import ALLOWED, PAGE, page_number, query, sorts, wanted, words
from web.templating import page


class Line(NamedTuple):
    """One row: what a template shows of a study, or of an image without one."""

    key: str
    route: str
    id: int
    title: str
    preview: int | None
    is_stat: bool
    label: str | None
    why: str | None
    probability: float | None
    is_open: bool
    study_time: datetime | None
    received_at: datetime
    assessed: str
    warnings: str | None
    reader_label: str | None


def show(request: Request) -> Response:
    """The page; or, with `part=rows`, only its rows, and nothing (304) if they are as before."""
    given, asked = words(request), wanted(request)
    found = find(context(request), asked)
    lines = list(_lines(found, shows_names=visit(request).shows_names))
    counts = {"matching": found.matching, "left_out": found.left_out}
    values: dict[str, Any] = {"lines": lines, "query": query(given), **counts}
    if request.query_params.get("part") != "rows":
        return page(request, "worklist.html", **values, **_around(request, given, asked, found))
    tag = f'"{hashlib.sha256(repr((values, visit(request).csrf_token)).encode()).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"})
    return page(request, "worklist_rows.html", headers={"ETag": tag}, **values)


def _around(
    request: Request, given: Mapping[str, str], asked: WorklistFilter, found: Worklist
) -> dict[str, Any]:
    number = page_number(given)
    last = max(1, -(-found.matching // PAGE))
    return {
        "given": given,
        "allowed": ALLOWED,
        "sorts": sorts(given),
        "sort": asked.sort,
        "falls": asked.descending,
        "first": (number - 1) * PAGE + 1,
        "page_number": number,
        "pages": last,
        "previous": query(given, page=str(number - 1) if number > 2 else "") if number > 1 else None,
        "next": query(given, page=str(number + 1)) if number < last else None,
        "path": request.url.path,
    }


def _lines(found: Worklist, *, shows_names: bool) -> Iterator[Line]:
    for row in found.rows:
        is_study = hasattr(row, "study_id")
        known_as = (row.name if is_study else row.source_name) if shows_names else None
        if is_study:
            title = known_as or row.accession_number or f"Study {row.study_id}"
        else:
            title = known_as or file_title(row)
        yield Line(
            key=f"s{row.study_id}" if is_study else f"i{row.image_id}",
            route="study" if is_study else "image",
            id=row.study_id if is_study else row.image_id,
            title=title,
            preview=_preview(found, row),
            is_stat=row.priority == "stat" if is_study else row.image_id in found.stat,
            label=row.label,
            why=row.label_reason,
            probability=row.probability,
            is_open=is_study and row.state == "open",
            study_time=row.study_time if is_study else None,
            received_at=row.received_at,
            assessed=_assessed(row) if is_study else "",
            warnings=row.warnings,
            reader_label=row.reader_label,
        )


def file_title(row: Any) -> str:  # noqa: ANN401 - a row of the view `results`
    """What an image is called, whose name is not shown: as the commands do."""
    return f"File {row.file_id}, frame {row.frame}" if row.frame else f"File {row.file_id}"


def _preview(found: Worklist, row: Any) -> int | None:  # noqa: ANN401 - a row of either view
    return found.driving.get(row.study_id) if hasattr(row, "study_id") else row.image_id


def _assessed(row: Any) -> str:  # noqa: ANN401 - a row of the view
    return f"{'-' if row.images_assessed is None else row.images_assessed} of {row.images_received}"

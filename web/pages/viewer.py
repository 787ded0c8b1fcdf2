"""The viewer: the slices of a study, or one image, and what is said of them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.audit import record
from services.cases import Case, CaseSlice, first_of, image_case, study_case
from web.access import context, visit, who
from web.api.slices import picture_path
from web.filters import query, words
from web.pages.worklist import file_title
from web.templating import page


class Line(NamedTuple):
    """A slice in the strip along the side; addresses are None where there is no picture."""

    number: int
    image_id: int | None
    pixels: str | None
    heatmap: str | None
    label: str
    probability: float | None
    drives: bool
    position_mm: float | None


def study(request: Request) -> Response:
    """The page of a study."""
    case = study_case(context(request), request.path_params["id"])
    record(context(request), who(request), "look", f"study {case.study_id}")
    return _shown(request, case, case.row.accession_number or f"Study {case.study_id}", case.row.name)


def image(request: Request) -> Response:
    """The page of one image."""
    case = image_case(context(request), request.path_params["id"])
    record(context(request), who(request), "look", f"image {case.item.image_id}")
    return _shown(request, case, file_title(case.row), case.row.source_name)


def _shown(request: Request, case: Case, title: str, name: str | None) -> Response:
    row, is_study = case.row, case.item.study_id is not None
    key, id_ = ("study_id", case.item.study_id) if is_study else ("image_id", case.item.image_id)
    asked = f"{key}={id_}"
    app, given = request.app, words(request)
    values: dict[str, Any] = {
        "title": title,
        "name": name if visit(request).shows_names else None,
        "row": row,
        "is_study": is_study,
        "study_id": None if is_study else case.study_id,
        "state": case.standing.state,
        "revision": case.standing.revision,
        "asked": asked,
        "readings": app.url_path_for("api_readings"),
        "following": f"{app.url_path_for('api_following')}{query(given, page='') or '?'}"
        f"{'&' if query(given, page='') else ''}{asked}",
        "worklist": f"{app.url_path_for('worklist')}{query(given)}",
        "lines": list(_lines(request, case)),
        "first": first_of(case.slices),
        "results": case.results[::-1],
    }
    return page(request, "viewer.html", **values)


def _lines(request: Request, case: Case) -> Iterator[Line]:
    for number, one in enumerate(case.slices, 1):
        yield Line(
            number=number,
            image_id=one.image_id,
            pixels=_path(request, "api_pixels", one),
            heatmap=_path(request, "api_heatmap", one),
            label=one.label or ("rejected" if one.tag is None else "no result"),
            probability=one.probability,
            drives=one.drives,
            position_mm=one.position_mm,
        )


def _path(request: Request, route: str, one: CaseSlice) -> str | None:
    if one.image_id is None or one.tag is None:
        return None
    return picture_path(request, route, one.image_id, one.tag)

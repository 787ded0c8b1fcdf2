"""What readers say of studies and images."""

from collections.abc import Iterator

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.worklist import Item
from services import audit, cases, readings, worklist
from web import filters
from web.access import caller, context, who
from web.api import shapes
from web.api.answers import number, taken, told
from web.api.slices import picture_path

_MOST_AHEAD = 64
"""Slices of a case that are loaded before somebody asks for it."""
_LARGEST = 2**31 - 1


def show(request: Request) -> Response:
    """What was said of a study and its images, or of an image; `revision` changes with images and results."""
    return told(of_standing(readings.standing(context(request), _item(request)), caller(request).name))


async def record(request: Request) -> Response:
    """Record a verdict on a study, or on an image, from which the next training learns."""
    said = await taken(request, shapes.Verdict)
    if (said.study_id is None) == (said.image_id is None):
        raise HTTPException(422, "Name a study or an image.")
    recorded = await run_in_threadpool(_record, request, said)
    return told(shapes.Recorded(*recorded), 201)


def undo(request: Request) -> Response:
    """Take back the newest verdict of one's own on a study or an image."""
    item = readings.undo(context(request), request.path_params["reading_id"], who(request))
    return told(shapes.Undone(*item))


def following(request: Request) -> Response:
    """What is to be read after a study or image, by the worklist's filter; `page` is null after the last."""
    found = worklist.following(context(request), filters.wanted(request), _item(request))
    if found is None:
        return told(shapes.Following(None, None, None, []))
    route, id_ = ("study", found.study_id) if found.study_id is not None else ("image", found.image_id)
    page = f"{request.app.url_path_for(route, id=id_)}{filters.query(filters.words(request), page='')}"
    ahead = cases.ahead(context(request), found)[:_MOST_AHEAD]
    audit.record(context(request), who(request), "look ahead", f"{route} {id_}")
    paths = [picture_path(request, "api_pixels", image_id, tag) for image_id, tag in ahead]
    return told(shapes.Following(found.study_id, found.image_id, page, paths))


def of_standing(standing: readings.Standing, name: str) -> shapes.Readings:
    """As it is answered to that reader."""
    said = [
        shapes.Reading(
            reading_id=one.id,
            study_id=one.study_id,
            image_id=one.image_id,
            label=one.label,
            reader=one.reader,
            note=one.note,
            read_at=one.read_at,
            mine=one.reader == name,
        )
        for one in standing.readings
    ]
    return shapes.Readings(standing.state, standing.revision, said)


def _record(request: Request, said: shapes.Verdict) -> readings.Recorded:
    note = (said.note or "").strip() or None
    if said.study_id is not None:
        return readings.record_study(context(request), said.study_id, said.label, who(request), note)
    stored = request.app.state.slices.find(said.image_id)
    aside = request.app.state.aside
    return readings.record_image(context(request), aside, stored, said.label, who(request), note)


def _item(request: Request) -> Item:
    given = dict(_given(request))
    if len(given) != 1:
        raise HTTPException(400, "Name a study (study_id) or an image (image_id).")
    return Item(given.get("study_id"), given.get("image_id"))


def _given(request: Request) -> Iterator[tuple[str, int]]:
    for name in ("study_id", "image_id"):
        if name in request.query_params:
            yield name, number(request, name, 0, _LARGEST)

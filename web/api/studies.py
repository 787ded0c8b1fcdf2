"""Studies and results, for other programs."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.results import ResultFilter
from db.states import FileState, ImageLabel
from services import results, studies, worklist
from services.audit import record
from web import filters
from web.access import context, visit, who
from web.api import shapes
from web.api.answers import number, told

_RESULT_WORDS = {"state": tuple(FileState), "label": tuple(ImageLabel)}


def list_studies(request: Request) -> Response:
    """A page of the worklist: the studies alone, with the same filter."""
    wanted = filters.wanted(request, studies_only=True, limit=number(request, "limit", filters.PAGE))
    found = worklist.find(context(request), wanted)
    return told(shapes.Studies([_study(request, row) for row in found.rows], found.matching, found.left_out))


def show(request: Request) -> Response:
    """One study with its slices."""
    study_id = request.path_params["study_id"]
    found = studies.show(context(request), f"id={study_id}")
    record(context(request), who(request), "look", f"study {study_id}")
    slices = [
        shapes.Slice(
            image_id=one.image.image_id,
            file_id=one.source.file_id if one.source else None,
            frame=one.image.frame,
            position_mm=one.image.position_mm,
            label=one.image.label,
            label_code=one.image.label_code,
            probability=one.image.probability,
            drives=one.drives,
        )
        for one in found.slices
    ]
    return told(shapes.OneStudy(_study(request, found.row), slices))


def list_results(request: Request) -> Response:
    """The newest results, of images with and without a study."""
    words = {name: request.query_params[name] for name in _RESULT_WORDS if request.query_params.get(name)}
    for name, value in words.items():
        if value not in _RESULT_WORDS[name]:
            raise HTTPException(400, f"{name}={value!a} is not one of {', '.join(_RESULT_WORDS[name])}.")
    wanted = ResultFilter(**words, limit=number(request, "limit", filters.PAGE))  # type: ignore[arg-type]
    found = results.find(context(request), wanted)
    shown = [shapes.of_row(shapes.Result, row, **_hidden(request, "source_name")) for row in found.rows]
    return told(shapes.Results(shown, found.matching))


def _study(request: Request, row: object) -> shapes.Study:
    study: shapes.Study = shapes.of_row(shapes.Study, row, **_hidden(request, "name"))
    return study


def _hidden(request: Request, name: str) -> dict[str, None]:
    return {} if visit(request).shows_names else {name: None}

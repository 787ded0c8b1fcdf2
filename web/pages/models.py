"""The model versions: figures, comparison, and the change of that in use, which is asked twice."""

from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import ModelError, NothingToRollBack
from models.card import ModelCard
from models.store import DamagedModel
from services import models
from services.comparison import Comparison, Figure, compare, figure_of
from web.access import context, visit, who
from web.templating import page

FIGURES = ("auc", "accuracy", "sensitivity", "specificity", "log_loss")
_LONGEST_REASON = 1000


class Line(NamedTuple):
    """A version as the table shows it; `problem` where its card cannot be read."""

    version: str
    problem: str | None = None
    created: str = ""
    images: int | None = None
    figures: dict[str, Figure] | None = None
    baseline: float | None = None


def show(request: Request) -> Response:
    """All versions, which is in use, and which was when."""
    ours = context(request)
    found, in_use = models.versions(ours)
    lines = [_line(one) for one in found]
    return page(
        request,
        "models.html",
        lines=lines,
        figures=FIGURES,
        in_use=in_use,
        is_gone=all(line.version != in_use or line.problem for line in lines),
        history=[(one, models.why(one)) for one in models.history(ours)],
        named=models.named,
        before=_before(request),
        changed=request.query_params.get("changed"),
    )


def side_by_side(request: Request) -> Response:
    """Two versions beside each other."""
    a, b = (request.query_params.get(name, "").strip() for name in ("a", "b"))
    if not a or not b:
        raise HTTPException(400, "Choose two versions.")
    names, in_use = models.known_versions(context(request))
    return page(request, "compare.html", both=compare(context(request), a, b), versions=names, in_use=in_use)


def ask_promotion(request: Request) -> Response:
    """Show what a promotion would change, and ask for the reason."""
    return _asked(request, _version(request.query_params.get("version")), promotes=True)


def promote(request: Request) -> Response:
    """Put a version into use."""
    form = visit(request).form
    version, reason = _version(form.get("version")), _reason(form.get("reason"))
    if reason is None:
        return _asked(request, version, promotes=True, problem=True)
    seen = _version(form.get("instead_of"))
    models.promote(context(request), version, who(request), reason, instead_of=seen)
    return _done(request)


def ask_rollback(request: Request) -> Response:
    """Show what a rollback would bring back, and ask for the reason."""
    return _asked(request, models.before(context(request)), promotes=False)


def roll_back(request: Request) -> Response:
    """Go back to the version before."""
    form = visit(request).form
    reason = _reason(form.get("reason"))
    if reason is None:
        return _asked(request, models.before(context(request)), promotes=False, problem=True)
    models.rollback(context(request), who(request), reason, instead_of=_version(form.get("instead_of")))
    return _done(request)


def _asked(request: Request, version: str, *, promotes: bool, problem: bool = False) -> Response:
    ours = context(request)
    _, in_use = models.known_versions(ours)
    if version == in_use:
        raise HTTPException(409, f"{version} is in use already.")
    models.find_version(ours, version)  # it may be gone
    try:
        both: Comparison | None = compare(ours, version, in_use)
    except ModelError:  # that in use is gone: all the more reason to change it
        both = None
    return page(
        request,
        "promote.html",
        422 if problem else 200,
        version=version,
        in_use=in_use,
        both=both,
        figures=[name.replace("_", " ") for name in FIGURES],
        promotes=promotes,
        problem=f"Write a reason, of at most {_LONGEST_REASON} characters." if problem else None,
        longest=_LONGEST_REASON,
    )


def _done(request: Request) -> Response:
    return RedirectResponse(f"{request.app.url_path_for('models')}?changed=1", 303)


def _version(given: Any) -> str:  # noqa: ANN401 - a word of the form or of the address
    if not isinstance(given, str) or not given.strip():
        raise HTTPException(400, "Choose a version.")
    return given.strip()


def _reason(given: Any) -> str | None:  # noqa: ANN401 - a word of the form
    """The reason; None where it is none, or too long."""
    text = " ".join(given.split()) if isinstance(given, str) else ""
    return text if 0 < len(text) <= _LONGEST_REASON and "\0" not in text else None


def _before(request: Request) -> str | None:
    try:
        return models.before(context(request))
    except NothingToRollBack:
        return None


def _line(model: ModelCard | DamagedModel) -> Line:
    if isinstance(model, DamagedModel):
        return Line(model.version, model.problem)
    return Line(
        model.version,
        created=model.created_at[:10],
        images=model.metrics.get("images"),
        figures={name: figure_of(model.metrics, name) for name in FIGURES},
        baseline=model.baselines.get("majority_accuracy"),
    )

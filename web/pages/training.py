"""The training runs: asked for, followed, cancelled, reported."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from core.errors import DatasetError, RunUnderWay
from db.states import UNFINISHED_RUNS
from db.tables import EpochRecord
from db.training_runs import RunRequest
from services import training
from services.audit import record
from services.comparison import figure_of
from services.extras import can_train
from web.access import address, context, visit, who
from web.charts import Chart, Point, Series, chart
from web.pages.models import FIGURES
from web.templating import page

MOST_EPOCHS, MOST_SEED = 10_000, 2**31 - 1
_SHOWN = 50
_REPORT_HEADERS = {
    # A page of its own origin (an opaque one), in which nothing runs: pictures and styles are within it.
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    # Browsers refuse a page with both this and a sandbox of its own (HTML, 7.4.2.2 "navigate").
    "Cross-Origin-Opener-Policy": "unsafe-none",
}


def show(request: Request) -> Response:
    """The newest runs, and for an admin what starts one."""
    return _page(request)


def start(request: Request) -> Response:
    """Queue a run, unless another one is not over."""
    form = visit(request).form
    given = {name: str(form.get(name, "")).strip() for name in ("epochs", "seed", "promote")}
    epochs, seed = _number(given["epochs"], 1, MOST_EPOCHS), _number(given["seed"], 0, MOST_SEED)
    if (epochs is None and given["epochs"]) or seed is None:
        problem = f"Epochs are 1 to {MOST_EPOCHS}, or left empty; the seed is 0 to {MOST_SEED}."
        return _page(request, 422, problem, given)
    asked = RunRequest(seed, epochs, given["promote"] != "never", who(request).account)
    try:
        run_id = training.request(context(request), asked, address=address(request), alone=True)
    except (DatasetError, RunUnderWay) as error:
        return _page(request, 409, str(error), given)
    return RedirectResponse(str(request.app.url_path_for("training_run", run_id=run_id)), 303)


def show_run(request: Request) -> Response:
    """One run: how far it is, or what came of it."""
    run, epochs = training.look_up(context(request), _run_id(request))
    metrics, progress = run.metrics or {}, training.progress(run, epochs)
    return page(
        request,
        "training_run.html",
        run=run,
        epochs=epochs,
        stage=progress.stage,
        left=_lasting(progress.seconds_left),
        is_over=run.state not in UNFINISHED_RUNS,
        curve=_curve(epochs),
        figures=[(name, figure_of(metrics, name)) for name in FIGURES if name in metrics],
        images=metrics.get("images"),
        has_report=training.has_report(context(request), run.id),
        can_train=can_train(),
    )


def cancel(request: Request) -> Response:
    """End a run: at once if it waits, else after the batch under way."""
    run_id = _run_id(request)
    state = training.cancel(context(request), run_id, who(request))
    if state not in UNFINISHED_RUNS:
        raise HTTPException(409, f"Training run {run_id} has ended already ({state}): nothing to cancel.")
    return RedirectResponse(str(request.app.url_path_for("training_run", run_id=run_id)), 303)


def report(request: Request) -> Response:
    """The page that the run wrote, locked in."""
    path = training.report(context(request), _run_id(request))
    record(context(request), who(request), "look", f"report {_run_id(request)}")  # it shows images
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=_REPORT_HEADERS)


def _page(
    request: Request, status: int = 200, problem: str | None = None, given: dict[str, str] | None = None
) -> Response:
    runs = training.newest(context(request), _SHOWN)
    return page(
        request,
        "training.html",
        status,
        runs=runs,
        under_way=next((run for run in runs if run.state in UNFINISHED_RUNS), None),
        can_train=can_train(),
        problem=problem,
        given=given or {"epochs": "", "seed": "1", "promote": "auto"},
        most_epochs=MOST_EPOCHS,
        most_seed=MOST_SEED,
    )


def _run_id(request: Request) -> int:
    run_id: int = request.path_params["run_id"]
    return run_id


def _number(text: str, least: int, most: int) -> int | None:
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        return None
    return int(text) if least <= int(text) <= most else None


def _lasting(seconds: float | None) -> str:
    """A time as `static/training.js` writes it."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _curve(epochs: Any) -> Chart:  # noqa: ANN401 - the epochs
    def points(name: str) -> list[Point]:
        return [Point(one.number, getattr(one, name)) for one in epochs if getattr(one, name) is not None]

    series = [Series("validation AUC", "one", points("validation_auc"))]
    ticks = [(one.number, str(one.number)) for one in epochs]
    last = _last(epochs)
    return chart(
        "Validation AUC by epoch", series, x_ticks=ticks, x_range=(0.5, (last.of if last else 1) + 0.5)
    )


def _last(epochs: Any) -> EpochRecord | None:  # noqa: ANN401
    return epochs[-1] if epochs else None

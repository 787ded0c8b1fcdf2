"""Training runs, for other programs and for the page that follows one."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from db.states import UNFINISHED_RUNS
from db.tables import EpochRecord
from db.training_runs import RunRequest
from services import training
from services.context import Context
from web.access import address, context, who
from web.api import shapes
from web.api.answers import number, taken, told
from web.faults import answer


def list_runs(request: Request) -> Response:
    """The newest runs."""
    ours = context(request)
    runs = training.newest(ours, number(request, "limit", 20, most=100))
    return told(shapes.TrainingRuns([_told(ours, run.id) for run in runs]))


async def start(request: Request) -> Response:
    """Queue a run, unless another one is not over."""
    wanted = await taken(request, shapes.StartTraining)
    ours, by = context(request), who(request)
    asked = RunRequest(wanted.seed, wanted.epochs, wanted.promote, by.account)

    def started() -> shapes.TrainingRun:
        run_id = training.request(ours, asked, address=address(request), alone=True)
        return _told(ours, run_id)

    return told(await run_in_threadpool(started), 201)


def show(request: Request) -> Response:
    """One run, and how far it is."""
    return told(_told(context(request), request.path_params["run_id"]))


def cancel(request: Request) -> Response:
    """End a run: at once if it waits, else after the batch under way."""
    run_id = request.path_params["run_id"]
    state = training.cancel(context(request), run_id, who(request))
    if state not in UNFINISHED_RUNS:
        return answer(request, 409, "run_is_over", f"Training run {run_id} has ended already ({state}).")
    return told(_told(context(request), run_id))


def _told(context: Context, run_id: int) -> shapes.TrainingRun:
    run, epochs = training.look_up(context, run_id)
    progress = training.progress(run, epochs)
    return shapes.TrainingRun(
        id=run.id,
        state=run.state,
        is_over=run.state not in UNFINISHED_RUNS,
        stage=progress.stage,
        seconds_left=progress.seconds_left,
        last_epoch=_epoch(epochs[-1]) if epochs else None,
        epochs=run.epochs,
        seed=run.seed,
        promote=run.promote,
        cancel_requested=run.cancel_requested,
        requested_by=run.requested_by,
        requested_at=run.requested_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        reason=run.reason,
        model_version=run.model_version,
        metrics=run.metrics,
        has_report=training.has_report(context, run.id),
    )


def _epoch(last: EpochRecord) -> shapes.Epoch:
    return shapes.Epoch(last.number, last.of, last.loss, last.validation_loss, last.validation_auc)

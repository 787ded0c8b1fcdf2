"""Every route, with who may use it. A test holds each to the roles that stand here."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.routing import Route

from db.states import Role
from web import filters
from web.access import guarded
from web.api import documents, files, readings, shapes, slices, studies
from web.api import models as api_models
from web.api import status as api_status
from web.api import training as api_training
from web.pages import account, models, quality, sign_in, system, training, upload, viewer, worklist


class _Id(IntegerConvertor):
    """An id that a database can have: what is larger is the address of nothing."""

    regex = "[0-9]{1,9}"


register_url_convertor("int", _Id())
EVERYBODY, READER, ADMIN = None, Role.READER, Role.ADMIN
API = "/api/v1"


class Served(NamedTuple):
    """A route.

    Attributes
    ----------
    name
        For `url_for`.
    role
        That may use it.
    takes, returns
        Shapes of body and answer, for the OpenAPI document.
    query
        Words of the address, for the same.
    media
        Of an answer that is no JSON.
    most_bytes
        Of its body; None where the endpoint itself counts.
    """

    path: str
    endpoint: Callable[..., Any]
    name: str
    role: Role | None
    method: str = "GET"
    takes: type | None = None
    returns: type | None = None
    query: Sequence[str] = ()
    media: str | None = None
    most_bytes: int | None = 1024 * 1024

    def made(self) -> Route:
        """As Starlette wants it."""
        return Route(
            self.path,
            guarded(self.endpoint, self.role, self.query),
            methods=[self.method],
            name=self.name,
            max_body_size=self.most_bytes,
        )


ROUTES = [
    Served("/sign-in", sign_in.show, "sign_in", EVERYBODY),
    Served("/sign-in", sign_in.sign_in, "do_sign_in", EVERYBODY, "POST"),
    Served("/sign-out", sign_in.sign_out, "sign_out", READER, "POST"),
    Served("/account", account.show, "account", READER),
    Served("/account/password", account.change_password, "change_password", READER, "POST"),
    Served("/account/sign-out", account.sign_out_everywhere, "sign_out_everywhere", READER, "POST"),
    Served("/", worklist.show, "worklist", READER),
    Served("/studies/{id:int}", viewer.study, "study", READER),
    Served("/images/{id:int}", viewer.image, "image", READER),
    Served("/upload", upload.show, "upload", READER),
    Served("/system", system.show, "system", READER),
    Served("/quality", quality.show, "quality", READER),
    Served("/models", models.show, "models", READER),
    Served("/models/compare", models.side_by_side, "compare", READER),
    Served("/models/promote", models.ask_promotion, "ask_promotion", ADMIN),
    Served("/models/promote", models.promote, "promote", ADMIN, "POST"),
    Served("/models/rollback", models.ask_rollback, "ask_rollback", ADMIN),
    Served("/models/rollback", models.roll_back, "roll_back", ADMIN, "POST"),
    Served("/training", training.show, "training", READER),
    Served("/training", training.start, "start_training", ADMIN, "POST"),
    Served("/training/{run_id:int}", training.show_run, "training_run", READER),
    Served("/training/{run_id:int}/cancel", training.cancel, "cancel_training", ADMIN, "POST"),
    Served("/training/{run_id:int}/report", training.report, "training_report", READER),
    Served(f"{API}/openapi.json", documents.openapi, "api_openapi", READER, media="application/json"),
    Served(
        f"{API}/studies",
        studies.list_studies,
        "api_studies",
        READER,
        returns=shapes.Studies,
        query=(*filters.WORDS, "limit"),
    ),
    Served(f"{API}/studies/{{study_id:int}}", studies.show, "api_study", READER, returns=shapes.OneStudy),
    Served(
        f"{API}/results",
        studies.list_results,
        "api_results",
        READER,
        returns=shapes.Results,
        query=("state", "label", "limit"),
    ),
    Served(
        f"{API}/files",
        files.upload,
        "api_upload",
        READER,
        "POST",
        returns=shapes.Uploaded,
        query=("name", "ticket", "study", "stat"),
        most_bytes=None,
    ),
    Served(f"{API}/files", files.show, "api_files", READER, returns=shapes.BecameAll, query=("sha256",)),
    Served(
        f"{API}/images/{{image_id:int}}/pixels",
        slices.pixels,
        "api_pixels",
        READER,
        query=("v",),
        media="application/octet-stream",
    ),
    Served(
        f"{API}/images/{{image_id:int}}/preview", slices.preview, "api_preview", READER, media="image/jpeg"
    ),
    Served(
        f"{API}/images/{{image_id:int}}/heatmap",
        slices.heatmap,
        "api_heatmap",
        READER,
        query=("v",),
        media="image/png",
    ),
    Served(
        f"{API}/readings",
        readings.show,
        "api_readings",
        READER,
        returns=shapes.Readings,
        query=("study_id", "image_id"),
    ),
    Served(
        f"{API}/readings",
        readings.record,
        "api_read",
        READER,
        "POST",
        takes=shapes.Verdict,
        returns=shapes.Recorded,
    ),
    Served(
        f"{API}/readings/{{reading_id:int}}",
        readings.undo,
        "api_undo",
        READER,
        "DELETE",
        returns=shapes.Undone,
    ),
    Served(
        f"{API}/following",
        readings.following,
        "api_following",
        READER,
        returns=shapes.Following,
        query=(*filters.WORDS, "study_id", "image_id"),
    ),
    Served(f"{API}/status", api_status.show, "api_status", READER, returns=shapes.Status),
    Served(f"{API}/models", api_models.list_models, "api_models", READER, returns=shapes.Models),
    Served(
        f"{API}/training-runs",
        api_training.list_runs,
        "api_training_runs",
        READER,
        returns=shapes.TrainingRuns,
        query=("limit",),
    ),
    Served(
        f"{API}/training-runs",
        api_training.start,
        "api_start_training",
        ADMIN,
        "POST",
        takes=shapes.StartTraining,
        returns=shapes.TrainingRun,
    ),
    Served(
        f"{API}/training-runs/{{run_id:int}}",
        api_training.show,
        "api_training_run",
        READER,
        returns=shapes.TrainingRun,
    ),
    Served(
        f"{API}/training-runs/{{run_id:int}}/cancel",
        api_training.cancel,
        "api_cancel_training",
        ADMIN,
        "POST",
        returns=shapes.TrainingRun,
    ),
]

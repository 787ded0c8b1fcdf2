"""What the JSON interface takes and gives. Times are in UTC; probabilities are of hemorrhage, 0 to 1."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from services.became import Became
from services.readings import LONGEST_NOTE


class Study(msgspec.Struct, frozen=True):
    """A row of the view `studies` (docs/database.md); `name` is null where it is not shown."""

    study_id: int
    study_uid: str | None
    name: str | None
    accession_number: str | None
    study_time: datetime | None
    received_at: datetime
    priority: str
    state: str
    label: str | None
    label_code: str | None
    label_reason: str | None
    probability: float | None
    threshold: float | None
    rule: str | None
    model_version: str | None
    images_expected: int | None
    images_received: int
    images_assessed: int | None
    images_uncertain: int | None
    finalised_at: datetime | None
    reader_label: str | None
    warnings: str | None


class Studies(msgspec.Struct, frozen=True):
    """A page of the worklist's studies; `left_out` fit too, but have nothing to be sorted by."""

    studies: list[Study]
    matching: int
    left_out: int


class Slice(msgspec.Struct, frozen=True):
    """One slice of the series that counts, from feet to head; `image_id` is null where it was rejected."""

    image_id: int | None
    file_id: int | None
    frame: int
    position_mm: float | None
    label: str | None
    label_code: str | None
    probability: float | None
    drives: bool


class OneStudy(msgspec.Struct, frozen=True):
    """A study with its slices."""

    study: Study
    slices: list[Slice]


class Result(msgspec.Struct, frozen=True):
    """A row of the view `results` (docs/database.md); `source_name` is null where it is not shown."""

    file_id: int
    image_id: int | None
    frame: int | None
    sha256: str
    source_name: str | None
    received_at: datetime
    state: str
    reason_code: str | None
    reason: str | None
    label: str | None
    label_code: str | None
    label_reason: str | None
    probability: float | None
    threshold: float | None
    model_version: str | None
    classified_at: datetime | None
    reader_label: str | None
    warnings: str | None


class Results(msgspec.Struct, frozen=True):
    """Results, the newest first."""

    results: list[Result]
    matching: int


class Uploaded(msgspec.Struct, frozen=True):
    """A file that is in the inbox now."""

    sha256: str
    size_bytes: int


class BecameAll(msgspec.Struct, frozen=True):
    """What became of files, in the order in which they were asked for."""

    files: list[Became]


class Status(msgspec.Struct, frozen=True):
    """The state of the running system, as `headct status`; `problems` say what is wrong and what to do."""

    files: dict[str, int]
    queues: dict[str, int] | None
    workers: list[str] | None
    oldest_unfinished_seconds: float | None
    free_mb: int
    intake_paused: str | None
    model_version: str | None
    problems: list[str]


class Epoch(msgspec.Struct, frozen=True):
    """One epoch of a training run; the loss is in nats."""

    number: int
    of: int
    loss: float
    validation_loss: float | None
    validation_auc: float | None


class TrainingRun(msgspec.Struct, frozen=True):
    """A training run.

    `stage` is what it does now: waits, prepares, trains, evaluates, is over. `seconds_left` to its last epoch
    are null where that cannot be told. `metrics` are of the new version, on the test split.
    """

    id: int
    state: str
    is_over: bool
    stage: str
    seconds_left: float | None
    last_epoch: Epoch | None
    epochs: int | None
    seed: int
    promote: bool
    cancel_requested: bool
    requested_by: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    model_version: str | None
    metrics: dict[str, Any] | None
    has_report: bool


class TrainingRuns(msgspec.Struct, frozen=True):
    """Training runs, the newest first."""

    runs: list[TrainingRun]


class StartTraining(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of a run.

    `epochs` null leaves the number to the recipe; `promote` lets the new version into use if it is not worse.
    """

    epochs: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 1
    promote: bool = True


class Model(msgspec.Struct, frozen=True):
    """A model version, as its card has it; `problem` where that cannot be read."""

    version: str
    in_use: bool
    problem: str | None = None
    created_at: str | None = None
    data_fingerprint: str | None = None
    threshold: float | None = None
    metrics: dict[str, Any] = {}


class Models(msgspec.Struct, frozen=True):
    """All versions. That in use may be gone, and is not among them then."""

    models: list[Model]
    in_use: str


class Reading(msgspec.Struct, frozen=True):
    """A reader's verdict on a study, or on an image; `mine` says whether it is the caller's."""

    reading_id: int
    study_id: int | None
    image_id: int | None
    label: str
    reader: str
    note: str | None
    read_at: datetime
    mine: bool


class Readings(msgspec.Struct, frozen=True):
    """How a case stands: its state, which images and results it has, and all readings, oldest first."""

    state: str
    revision: str
    readings: list[Reading]


_Id = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A verdict on a study or on an image."""

    label: Literal["hemorrhage", "normal"]
    study_id: _Id | None = None
    image_id: _Id | None = None
    note: Annotated[str, msgspec.Meta(max_length=LONGEST_NOTE, pattern=r"^[^\x00]*$")] | None = None


class Recorded(msgspec.Struct, frozen=True):
    """A verdict that was recorded; `left_out` says why no training learns from an image's."""

    reading_id: int
    left_out: str | None


class Undone(msgspec.Struct, frozen=True):
    """What a verdict that was taken back was on."""

    study_id: int | None
    image_id: int | None


class Following(msgspec.Struct, frozen=True):
    """What comes next: its page, and its pixels' addresses, those first that are looked at first."""

    study_id: int | None
    image_id: int | None
    page: str | None
    pixels: list[str]


class Problem(msgspec.Struct, frozen=True):
    """An error (RFC 9457); `code` is one of a few words that programs can rely on."""

    type: str
    title: str
    status: int
    code: str
    detail: str


def of_row(shape: type, row: Any, **changed: Any) -> Any:  # noqa: ANN401 - a row of a view, in that shape
    """A row of a view in one of these shapes."""
    return msgspec.convert(dict(row._mapping) | changed, shape)

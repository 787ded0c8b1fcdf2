"""The states of files and of training runs."""

from enum import StrEnum


class FileState(StrEnum):
    """Where a file is on its way; the last three are final."""

    RECEIVED = "received"
    QUEUED = "queued"
    RUNNING = "running"
    CLASSIFIED = "classified"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


UNFINISHED = (FileState.RECEIVED, FileState.QUEUED, FileState.RUNNING)


class RunState(StrEnum):
    """Where a training run is; the last four are final."""

    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


UNFINISHED_RUNS = (RunState.REQUESTED, RunState.RUNNING)


class Split(StrEnum):
    """What a labelled image is used for; decided once per patient."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Cause(StrEnum):
    """Why another model version came into use."""

    GATE = "gate"
    PERSON = "person"
    ROLLBACK = "rollback"

"""The states of scans and of training runs."""

from enum import StrEnum


class ScanState(StrEnum):
    """Where a scan is on its way; the last three are final."""

    RECEIVED = "received"
    QUEUED = "queued"
    RUNNING = "running"
    CLASSIFIED = "classified"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


UNFINISHED = (ScanState.RECEIVED, ScanState.QUEUED, ScanState.RUNNING)


class RunState(StrEnum):
    """Where a training run is; the last four are final."""

    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


UNFINISHED_RUNS = (RunState.REQUESTED, RunState.RUNNING)


class Part(StrEnum):
    """What a labelled image is used for; decided once per patient."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Cause(StrEnum):
    """Why another model version came into use."""

    GATE = "gate"
    PERSON = "person"
    ROLLBACK = "rollback"

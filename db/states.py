"""The states of files and of training runs."""

from enum import StrEnum


class FileState(StrEnum):
    """Where a file is on its way; the last four are final."""

    RECEIVED = "received"
    QUEUED = "queued"
    RUNNING = "running"
    CLASSIFIED = "classified"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"
    UNPACKED = "unpacked"


UNFINISHED = (FileState.RECEIVED, FileState.QUEUED, FileState.RUNNING)


class ImageLabel(StrEnum):
    """What is said of an image, and of a study."""

    HEMORRHAGE = "hemorrhage"
    NORMAL = "normal"
    UNCERTAIN = "uncertain"
    NOT_ASSESSED = "not assessed"


class StudyState(StrEnum):
    """Whether further images of a study are awaited."""

    OPEN = "open"
    FINAL = "final"


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


class Role(StrEnum):
    """What an account may do on the web page; an admin may do what a reader may."""

    READER = "reader"
    ADMIN = "admin"

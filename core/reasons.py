"""Why a file gets no result: a code for programs beside the words for people."""

from enum import StrEnum
from typing import NamedTuple


class ReasonCode(StrEnum):
    """Stored as `reason_code`; docs/database.md lists what each means. A code keeps its meaning."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    DAMAGED = "damaged"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    TOO_COMPLEX = "too_complex"
    ENCRYPTED = "encrypted"
    DECODER_FAILED = "decoder_failed"
    DICOMDIR = "dicomdir"
    DOCUMENT = "document"
    NO_IMAGE = "no_image"
    MULTI_FRAME = "multi_frame"
    IN_COLOUR = "in_colour"
    OTHER_MODALITY = "other_modality"
    OTHER_BODY_PART = "other_body_part"
    SCOUT = "scout"
    DOSE_REPORT = "dose_report"
    SCREENSHOT = "screenshot"
    NOT_HOUNSFIELD = "not_hounsfield"
    NOT_AXIAL = "not_axial"
    SEVERAL_HEADS = "several_heads"
    BLANK = "blank"
    NO_HEAD = "no_head"
    NO_BRAIN = "no_brain"
    NETWORK_UNDEFINED = "network_undefined"
    FILE_CHANGED = "file_changed"
    FILE_UNREADABLE = "file_unreadable"
    WORKER_LOST = "worker_lost"


class Reason(NamedTuple):
    """Why a file was rejected or quarantined."""

    code: ReasonCode
    text: str

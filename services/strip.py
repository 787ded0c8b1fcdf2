"""A picture of all slices of a study, with what the model says of each, and which drive its result."""

from collections.abc import Iterator

from core.errors import RejectedImage, StoreUnavailable
from core.printable import printable
from images.decoding import GreyImage
from services.contact_sheet import COLOURS
from services.context import Context
from services.pictures import Pictures
from services.sheet import Cell, sheet
from services.studies import Slice, Study

_PLAIN, _UNCERTAIN = "#606060", "#e0a020"


def strip(context: Context, study: Study, kind: str, notice: str) -> bytes:
    """A picture file, from feet to head; `kind` is the format by Pillow's name.

    A slice that drives the study's result has `>>>` beside its probability.
    """
    row = study.row
    said = row.label or row.state
    probability = "" if row.probability is None else f", probability {row.probability:.3f}"
    heading = (
        f"study {row.study_id}: {printable(said)}{probability}, "
        f"{row.images_assessed or 0} of {row.images_received} images assessed\n{notice}"
    )
    return sheet(list(_cells(context, study)), kind, heading)


def _cells(context: Context, study: Study) -> Iterator[Cell]:
    pictures = Pictures(context)
    for number, one in enumerate(study.slices, 1):
        image = one.image
        figure = "" if image.probability is None else f" {image.probability:.2f}"
        mark = " >>>" if one.drives else ""
        colour = COLOURS.get(image.label or "", _UNCERTAIN if image.label == "uncertain" else _PLAIN)
        yield Cell(_picture(pictures, one), f"{number}{figure}{mark}\n{image.label or 'rejected'}", colour)


def _picture(pictures: Pictures, one: Slice) -> GreyImage | None:
    """The slice; None where its file is gone, or was rejected."""
    if one.source is None or one.image.label is None:
        return None
    try:
        return pictures.picture(one.source.sha256, one.image.frame)
    except (RejectedImage, StoreUnavailable):
        return None

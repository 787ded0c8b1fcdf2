"""Labels that contradict each other: none of them is believed until a person has decided."""

from collections.abc import Mapping, Sequence

from core.errors import LabelConflict
from db.readings import NewestReading
from db.tables import LabelledImage
from training.labelled.examining import Examined
from training.labelled.label_table import listing


def check_labels(
    images: Sequence[Examined], there: Sequence[LabelledImage], said: Mapping[str, NewestReading]
) -> None:
    """Compare labels for the same bytes or pixels.

    Parameters
    ----------
    said
        The newest reading of an image, by its SHA-256.

    Raises
    ------
    LabelConflict
        Lists all of them.
    """
    known = {row.pixels_sha256: row for row in there} | {row.sha256: row for row in there}
    first: dict[str, Examined] = {}
    conflicts = []
    for image in images:
        here = f"{image.path}: {image.label}"
        other = first.setdefault(image.pixels_sha256, image)
        row = known.get(image.sha256) or known.get(image.pixels_sha256)
        newest = said.get(image.sha256)
        if other.label != image.label:
            conflicts.append(f"{here}, but {other.path}, with the same pixels: {other.label}")
        elif row is not None and row.label != image.label:
            conflicts.append(f"{here}, but in the training data: {row.label}; {_mend(row)}")
        elif newest is not None and newest.label != image.label:
            conflicts.append(
                f"{here}, but {newest.reader}'s label of it: {newest.label}; {_relabel_read(image.sha256)}"
            )
    if conflicts:
        raise LabelConflict(
            f"{len(conflicts)} labels contradict others, so nothing was imported. Correct those that are "
            f"wrong and import again:\n{listing(conflicts)}"
        )


def check_reading(image: Examined, file_id: int, there: Sequence[LabelledImage]) -> None:
    """Compare a reader's label with those of the same bytes or pixels that are no label of this image.

    Raises
    ------
    LabelConflict
    """
    for row in there:
        same = row.sha256 == image.sha256 or row.pixels_sha256 == image.pixels_sha256
        is_this = row.sha256 == image.sha256 and row.image_id is not None
        if same and not is_this and row.label != image.label:
            raise LabelConflict(
                f"File {file_id} shows the same image as one that is in the training data as {row.label}. "
                f"Nothing was recorded. If that is wrong: {_mend(row)}, then label this file again."
            )


def _mend(row: LabelledImage) -> str:
    if row.image_id is not None:
        return _relabel_read(row.sha256)
    return f"`headct dataset relabel {row.sha256[:12]} LABEL` changes it"


def _relabel_read(sha256: str) -> str:
    return f"`headct label {sha256[:12]} LABEL` changes it"

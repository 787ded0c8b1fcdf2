"""All that is known of a study, and what a reader says of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.study_images import StudyImage
from db.engine import batches, read_session
from db.readings import readings_of_study, record_study_reading
from db.studies import find_study, results_of_study, study_to_assess
from db.tables import File, Image, Reading, StudyResult
from db.worklist import study_row
from models.studies import counted_images
from services.context import Context

if TYPE_CHECKING:
    from sqlalchemy import Row


class Source(NamedTuple):
    """Where an image's pixels are."""

    file_id: int
    sha256: str


class Slice(NamedTuple):
    """One slice of the series that counts.

    Attributes
    ----------
    source
        None where its file was rejected before it became an image.
    drives
        Whether the study's probability is made of it.
    """

    image: StudyImage
    source: Source | None
    drives: bool


class Study(NamedTuple):
    """A row of the view `studies`, and what there is to it.

    Attributes
    ----------
    slices
        From feet to head.
    results
        Every result it ever had, oldest first.
    readings
        Of it as a whole, oldest first.
    """

    row: "Row[Any]"
    slices: list[Slice]
    results: Sequence[StudyResult]
    readings: Sequence[Reading]


def show(context: Context, reference: str) -> Study:
    """Look up a study, named by its id, UID, accession number or name.

    Raises
    ------
    NoSuchStudy
    """
    with read_session(context.engine) as session:
        study = find_study(session, reference)
        known = study_to_assess(session, study)
        results = results_of_study(session, study.id)
        row = study_row(session.connection(), study.id)
        shown = next((one for one in reversed(results) if one.model_version == row.model_version), None)
        driving = set(shown.driving_images) if shown else set()
        images = counted_images(known, shown.series_id if shown else None)
        sources = _sources(session, [image.image_id for image in images if image.image_id is not None])
        slices = [
            Slice(image, sources.get(image.image_id or 0), image.image_id in driving) for image in images
        ]
        return Study(row, slices, results, readings_of_study(session, study.id))


def label(
    context: Context, references: Sequence[str], verdict: str, reader: str, note: str | None
) -> list[int]:
    """Record a verdict on studies as a whole; returns their ids.

    Raises
    ------
    NoSuchStudy
        One of them is not there. Nothing was recorded.
    """
    with Session(context.engine) as session, session.begin():
        ids = list(dict.fromkeys(find_study(session, reference).id for reference in references))
        for study_id in ids:
            record_study_reading(session, study_id, verdict, reader, note)
    return ids


def _sources(session: Session, image_ids: Sequence[int]) -> dict[int, Source]:
    return {
        row.id: Source(row.file_id, row.sha256)
        for batch in batches(image_ids)
        for row in session.execute(
            select(Image.id, Image.file_id, File.sha256)
            .join(File, File.id == Image.file_id)
            .where(Image.id.in_(batch))
        )
    }

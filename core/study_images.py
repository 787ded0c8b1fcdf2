"""The images of a study, and what was said of them: what the database gives to `models.studies`."""

from dataclasses import dataclass

from core.place import SeriesFacts


@dataclass(frozen=True)
class StudyImage:
    """One image of a study.

    Attributes
    ----------
    image_id
        None for a file of a named study that has no image: it was rejected.
    series_id
        None where a person named the study.
    position_mm
        Along the normal of its plane, towards the head's top.
    label, label_code, probability
        Of the version that counts; None where it gave no result.
    """

    image_id: int | None
    frame: int = 0
    series_id: int | None = None
    sop_instance_uid: str | None = None
    instance_number: int | None = None
    position_mm: float | None = None
    source_name: str = ""
    label: str | None = None
    label_code: str | None = None
    probability: float | None = None


@dataclass(frozen=True)
class StudyToAssess:
    """All that the result of a study is made of.

    Attributes
    ----------
    version
        Of the model whose results of the slices count; None where there is no result at all.
    images
        In any order; of the same instance there may be several.
    series
        By id.
    """

    version: str | None
    images: tuple[StudyImage, ...]
    series: dict[int, SeriesFacts]
    images_expected: int | None = None


@dataclass(frozen=True)
class StudyFinding:
    """The result of a study; stored as a row of `study_result`."""

    model_version: str
    rule: str
    series_id: int | None
    label: str
    label_code: str | None
    label_reason: str | None
    probability: float | None
    threshold: float
    images_received: int
    images_assessed: int
    images_uncertain: int
    driving_images: list[int]
    warnings: str | None

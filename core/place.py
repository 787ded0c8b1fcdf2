"""Where an image belongs: what a DICOM file says of its study, its series and its place in it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class SeriesFacts:
    """What describes a series; None and false where the file does not say.

    Attributes
    ----------
    thickness_mm
        Of its slices.
    kernel
        Of the reconstruction, as the scanner names it.
    is_bone
        Whether that kernel is for bone or lung.
    images_expected
        How many images the file says that the series has.
    """

    number: int | None = None
    thickness_mm: float | None = None
    kernel: str | None = None
    is_bone: bool = False
    scanner: str | None = None
    contrast: bool = False
    frame_of_reference_uid: str | None = None
    images_expected: int | None = None


@dataclass(frozen=True)
class Place:
    """Of one image.

    Attributes
    ----------
    position_mm
        Along the normal of its plane, towards the head's top.
    patient_id
        Issuer and identifier of the patient, as the file has them; see `core.patients`.
    patient_key
        Stands for it.
    study_time
        By the scanner's clock.
    images_expected
        How many images the file says that the study has.
    """

    study_uid: str
    series_uid: str
    sop_instance_uid: str | None = None
    instance_number: int | None = None
    position_mm: float | None = None
    accession_number: str | None = field(default=None, repr=False)
    patient_id: str | None = field(default=None, repr=False)
    patient_key: str | None = None
    study_time: datetime | None = None
    images_expected: int | None = None
    series: SeriesFacts = SeriesFacts()

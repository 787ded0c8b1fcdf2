"""From the slices of a study to its result."""

import statistics
from collections.abc import Sequence
from itertools import pairwise

from core.name_order import by_name
from core.place import SeriesFacts
from core.study_images import StudyFinding, StudyImage, StudyToAssess
from models.labels import NOT_ASSESSED, UNCERTAIN
from models.study_rule import StudyRule

USUAL_THICKNESS_MM = 5.0
"""Of the slices of a head that the network was trained on."""
_UNKNOWN_MM = 2.5
"""A series that does not say its thickness stands between those that are as usual and those that are not."""
_SAME_MM = 0.01
_NEAR = 3
"""Spacings before and after one whose median says whether it is a gap."""
_GAP = 1.5
"""As many times the median is one: a slice that is missing doubles the spacing."""


def assess(study: StudyToAssess, rule: StudyRule) -> StudyFinding:
    """The result of a study by that rule.

    One series counts (`series_that_counts`), each instance once, in the order of `in_order`. What a person
    has to know of it is said in `warnings`.
    """
    images = _once(study.images)
    series_id = series_that_counts(images, study.series, rule.least_assessed)
    counted = in_order([image for image in images if image.series_id == series_id])
    assessed = [image for image in counted if _is_assessed(image)]
    said = rule.decide([image.probability for image in assessed if image.probability is not None])
    return StudyFinding(
        model_version=study.version or "",
        rule=rule.version,
        series_id=series_id,
        label=said.label,
        label_code=said.reason.code if said.reason else None,
        label_reason=said.reason.text if said.reason else None,
        probability=said.probability,
        threshold=rule.threshold,
        images_received=len({_slice_of(image) for image in images}),
        images_assessed=len(assessed),
        images_uncertain=sum(image.label == UNCERTAIN for image in counted),
        driving_images=[id_ for index in said.driving if (id_ := assessed[index].image_id) is not None],
        warnings=" ".join(_remarks(study, images, counted, series_id)) or None,
    )


def series_that_counts(
    images: Sequence[StudyImage], series: dict[int, SeriesFacts], least_assessed: int
) -> int | None:
    """Of several series the one that the study's result is made of; None for a study that a person named.

    The first by: enough slices that the model judges; not for bone; without contrast; thickness nearest to
    the usual one; most slices; that which came first.
    """
    of_series: dict[int, list[StudyImage]] = {id_: [] for id_ in series}
    for image in images:
        if image.series_id is not None:
            of_series[image.series_id].append(image)

    def rank(id_: int) -> tuple[bool, bool, bool, float, int, int]:
        facts = series[id_]
        thickness = facts.thickness_mm
        return (
            sum(map(_is_assessed, of_series[id_])) < least_assessed,
            facts.is_bone,
            facts.contrast,
            _UNKNOWN_MM if thickness is None else abs(thickness - USUAL_THICKNESS_MM),
            -len(of_series[id_]),
            id_,
        )

    return min(of_series, key=rank, default=None)


def counted_images(study: StudyToAssess, series_id: int | None) -> list[StudyImage]:
    """The images of a study of which its result was made, or, while it has none, all: each once, in order."""
    images = _once(study.images)
    return in_order([image for image in images if series_id is None or image.series_id == series_id])


def in_order(images: Sequence[StudyImage]) -> list[StudyImage]:
    """From the feet to the head by position, where all have one; else by instance number; else by name."""
    if all(image.position_mm is not None for image in images):
        return sorted(images, key=lambda one: (one.position_mm, one.instance_number or 0, one.image_id))
    numbers = {image.instance_number for image in images}
    if None not in numbers and len(numbers) == len(images):
        return sorted(images, key=lambda one: one.instance_number or 0)
    return sorted(images, key=lambda one: (by_name(one.source_name), one.frame, one.image_id or 0))


def gaps(positions: Sequence[float]) -> list[tuple[float, float]]:
    """Pairs of neighbouring positions (mm, ascending) between which slices seem to be missing."""
    spacings = [after - before for before, after in pairwise(positions)]
    found = []
    for index, spacing in enumerate(spacings):
        near = [one for one in spacings[max(0, index - _NEAR) : index + _NEAR + 1] if one > _SAME_MM]
        if len(near) > 2 and spacing > _GAP * statistics.median(near):
            found.append((positions[index], positions[index + 1]))
    return found


def _once(images: Sequence[StudyImage]) -> list[StudyImage]:
    """Each slice of a series once, the first that has a result, however often its instance came.

    What lies elsewhere or has another number is another slice, whatever its instance UID: some software gives
    all slices the same.
    """
    found: dict[object, StudyImage] = {}
    for image in sorted(images, key=lambda one: (one.label is None, one.image_id or 0)):
        found.setdefault((image.series_id, *_slice_of(image)), image)
    return list(found.values())


def _slice_of(image: StudyImage) -> tuple[object, ...]:
    """What the same slice has in common, also in two series."""
    if image.sop_instance_uid is None:
        return (image,)
    return image.sop_instance_uid, image.frame, image.position_mm, image.instance_number


def _is_assessed(image: StudyImage) -> bool:
    return image.probability is not None and image.label != NOT_ASSESSED


def _remarks(
    study: StudyToAssess, images: Sequence[StudyImage], counted: Sequence[StudyImage], series_id: int | None
) -> list[str]:
    said = []
    if not images:
        said.append("No image is in it: DICOM files belong to the studies that they name themselves.")
    instances = len({image.sop_instance_uid or image for image in images})
    if study.images_expected is not None and study.images_expected > instances:
        said.append(f"{instances} of {study.images_expected} images came.")
    slices = {(image.sop_instance_uid, *_slice_of(image)) for image in images if image.sop_instance_uid}
    shared = len(slices) - len({(uid, frame) for uid, _, frame, *_ in slices})
    if shared:
        said.append(f"{shared} slices have the instance UID of another.")
    if series_id is not None and len(study.series) > 1:
        number = study.series[series_id].number
        named = "One series" if number is None else f"Series {number}"
        said.append(f"{named} of {len(study.series)} counts, with {len(counted)} of {len(images)} images.")
    if unread := sum(image.label is None for image in counted):
        said.append(
            f"{unread} of the {len(counted)} images were rejected, or have no result of this version."
        )
    positions = [image.position_mm for image in counted if image.position_mm is not None]
    if len(positions) == len(counted):
        doubled = sum(after - before <= _SAME_MM for before, after in pairwise(positions))
        if doubled:
            said.append(f"{doubled} of the {len(counted)} slices lie where another lies.")
        found = gaps(positions)
        if found:
            first = f"{found[0][0]:.0f} and {found[0][1]:.0f} mm"
            more = f" and in {len(found) - 1} more places" if len(found) > 1 else ""
            said.append(f"Slices seem to be missing between {first}{more}.")
    return said

"""From slices to the result of a study."""

from dataclasses import replace

import pytest

from core.place import SeriesFacts
from core.study_images import StudyImage, StudyToAssess
from models.studies import assess, gaps, in_order, series_that_counts
from models.study_rule import SHIPPED_RULE

RULE = replace(
    SHIPPED_RULE, window=3, slope=1.0, intercept=0.0, threshold=0.5, uncertain_low=0.5, uncertain_high=0.5
)


def a_slice(number: int, probability: float | None = 0.1, **facts: object) -> StudyImage:
    label = "not assessed" if probability is None else "hemorrhage" if probability >= 0.5 else "normal"
    return replace(
        StudyImage(
            image_id=number,
            series_id=1,
            sop_instance_uid=f"1.{number}",
            instance_number=number,
            position_mm=5.0 * number,
            label=label,
            probability=probability,
        ),
        **facts,  # type: ignore[arg-type]
    )


def study(*images: StudyImage, **facts: object) -> StudyToAssess:
    return replace(StudyToAssess("v1", images, {1: SeriesFacts(number=2)}), **facts)  # type: ignore[arg-type]


def test_the_neighbours_that_bleed_drive_the_result_in_whatever_order_they_came() -> None:
    bleeding = {4: 0.9, 5: 0.99, 6: 0.8}
    images = [a_slice(number, bleeding.get(number, 0.01)) for number in (7, 1, 6, 2, 5, 3, 4)]
    found = assess(study(*images), RULE)
    assert found.label == "hemorrhage"
    assert found.driving_images == [5, 4, 6]
    assert (found.images_received, found.images_assessed, found.images_uncertain) == (7, 7, 0)
    assert (found.series_id, found.model_version, found.warnings) == (1, "v1", None)


def test_what_is_not_assessed_counts_apart_and_does_not_part_neighbours() -> None:
    images = [a_slice(1, 0.9), a_slice(2, None), a_slice(3, 0.9), a_slice(4, 0.9, label="uncertain")]
    found = assess(study(*images), RULE)
    assert (found.label, found.images_received, found.images_assessed) == ("hemorrhage", 4, 3)
    assert found.images_uncertain == 1


def test_without_a_slice_that_is_judged_nothing_is_said() -> None:
    found = assess(study(a_slice(1, None), a_slice(2, None)), RULE)
    assert (found.label, found.probability, found.label_code) == ("not assessed", None, "nothing_assessed")
    assert assess(study(version=None), RULE).images_received == 0


def test_an_instance_counts_once_however_often_it_came() -> None:
    images = [a_slice(number, 0.2) for number in (1, 2, 3)]
    again = [replace(image, image_id=number, probability=0.9) for number, image in enumerate(images, 11)]
    unread = replace(images[0], image_id=0, label=None, probability=None)
    assert assess(study(unread, *again, *images), RULE) == assess(study(*images), RULE)
    frames = [a_slice(number, sop_instance_uid="1.1", frame=number) for number in (1, 2, 3)]
    assert assess(study(*frames), RULE).images_received == 3


def test_an_instance_in_two_series_is_in_both() -> None:
    one = [a_slice(number, probability) for number, probability in ((1, 0.9), (2, 0.95), (3, 0.9), (4, 0.1))]
    other = [replace(image, image_id=(image.image_id or 0) + 10, series_id=2) for image in one]
    series = {1: SeriesFacts(number=1), 2: SeriesFacts(number=2)}
    mixed = [one[0], other[1], one[2], other[3], other[0], one[1], other[2], one[3]]
    found = assess(study(*mixed, series=series), RULE)
    assert (found.label, found.images_assessed, found.images_received) == ("hemorrhage", 4, 4)


def test_slices_with_one_instance_uid_are_slices_all_the_same() -> None:
    images = [a_slice(number, 0.9, sop_instance_uid="1.2.3") for number in range(5)]
    found = assess(study(*images), RULE)
    assert (found.images_received, found.images_assessed) == (5, 5)
    assert found.warnings == "4 slices have the instance UID of another."


def test_an_image_without_a_result_is_told_of() -> None:
    found = assess(study(*map(a_slice, (1, 2, 3)), a_slice(4, None, label=None), images_expected=6), RULE)
    assert found.warnings == (
        "4 of 6 images came. 1 of the 4 images were rejected, or have no result of this version."
    )


def test_slices_that_lie_together_and_slices_that_are_missing_are_told_of() -> None:
    places = [0.0, 5.0, 5.0, 10.0, 15.0, 25.0, 30.0, 35.0]
    images = [a_slice(number, position_mm=place) for number, place in enumerate(places)]
    assert assess(study(*images), RULE).warnings == (
        "1 of the 8 slices lie where another lies. Slices seem to be missing between 15 and 25 mm."
    )


@pytest.mark.parametrize(
    ("spacings", "missing"),
    [
        ([5.0] * 6, 0),
        ([4.0] * 10 + [7.0] * 10, 0),  # another spacing from the base of the skull on
        ([5.0, 5.0, 10.0, 5.0, 5.0], 1),
        ([5.0] * 4 + [10.0, 10.0] + [5.0] * 4, 2),
        ([5.0, 10.0], 0),  # too few to know
    ],
)
def test_a_gap_is_more_than_the_spacings_beside_it(spacings: list[float], missing: int) -> None:
    places = [sum(spacings[:number]) for number in range(len(spacings) + 1)]
    assert len(gaps(places)) == missing


def test_of_several_series_the_one_for_brain_counts() -> None:
    series = {
        1: SeriesFacts(thickness_mm=0.6),
        2: SeriesFacts(thickness_mm=5.0, is_bone=True),
        3: SeriesFacts(thickness_mm=5.0, contrast=True),
        4: SeriesFacts(thickness_mm=4.0),
        5: SeriesFacts(thickness_mm=5.0),
    }
    few = [a_slice(1, series_id=5)]
    images = [a_slice(10 * id_ + n, series_id=id_) for id_ in (1, 2, 3, 4) for n in range(4)]
    order = []
    while series:
        best = series_that_counts([*few, *images], series, 3)
        assert best is not None
        order.append(best)
        del series[best]
        images = [image for image in images if image.series_id in series]
        few = [image for image in few if image.series_id in series]
    assert order == [4, 1, 3, 2, 5]


def test_the_series_that_counts_is_told() -> None:
    images = [a_slice(number, series_id=1 + number % 2) for number in range(7)]
    found = assess(study(*images, series={1: SeriesFacts(number=4), 2: SeriesFacts(is_bone=True)}), RULE)
    assert (found.series_id, found.images_received, found.images_assessed) == (1, 7, 4)
    assert found.warnings is not None
    assert "Series 4 of 2 counts, with 4 of 7 images." in found.warnings


def test_without_positions_the_number_or_the_name_orders() -> None:
    numbered = [a_slice(3 - n, position_mm=None, instance_number=n) for n in (2, 1)]
    assert [one.instance_number for one in in_order(numbered)] == [1, 2]
    named = [StudyImage(n, source_name=name) for n, name in enumerate(("a/10.png", "a/9.png", "a/1.png"))]
    assert [one.source_name for one in in_order(named)] == ["a/1.png", "a/9.png", "a/10.png"]

"""No patient is on two sides, whatever is imported in whatever order."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from db.states import Split
from tests.labelled import examined
from training.labelled.examining import Examined
from training.labelled.grouping import Known
from training.labelled.placing import place
from training.split import FRACTIONS

images = st.builds(
    examined,
    st.integers(0, 40),
    st.sampled_from(("normal", "hemorrhage")),
    st.none() | st.integers(0, 6).map(str),
    st.integers(100, 112),
)
imports = st.lists(st.lists(images, max_size=8, unique_by=lambda image: image.sha256), max_size=5)


def add(known: list[Known], new: Sequence[Examined]) -> list[Examined]:
    """Place new images as an import does; returns those that were left out."""
    left_out, there = [], {one.sha256 for one in known}
    for image, found in zip(new, place(new, known), strict=True):
        if image.sha256 in there:
            continue
        if found is None:
            left_out.append(image)
            continue
        known.append(
            Known(image.sha256, image.pixels_sha256, image.label, found.group, found.split, image.signature)
        )
    return left_out


@settings(deadline=None)
@given(imports)
def test_no_group_and_no_look_is_in_two_parts_and_none_moves(order: list[list[Examined]]) -> None:
    known: list[Known] = []
    for new in order:
        before = list(known)
        add(known, new)
        assert known[: len(before)] == before, "test images stay in test"
        splits: dict[str, set[Split]] = {}
        for one in known:
            look = one.signature.tobytes().hex() if one.signature is not None else ""
            for key in (one.group, look):
                splits.setdefault(key, set()).add(one.split)
        assert all(len(found) == 1 for found in splits.values())


def splits_of(known: Sequence[Known]) -> dict[str, Split]:
    return {one.group: one.split for one in known}


def test_the_parts_approach_their_fractions_import_by_import() -> None:
    known: list[Known] = []
    for start in range(0, 200, 20):
        labels = ("normal", "hemorrhage")
        add(known, [examined(i, labels[i % 2], f"g{i}") for i in range(start, start + 20)])
        for split, fraction in FRACTIONS.items():
            share = sum(one.split is split for one in known) / len(known)
            assert abs(share - fraction) <= (0.11 if start == 0 else 0.06)


def test_one_image_at_a_time_fills_every_part() -> None:
    known: list[Known] = []
    for i in range(20):
        add(known, [examined(i, ("normal", "hemorrhage")[i % 2])])
    for split in Split:
        assert {one.label for one in known if one.split is split} == {"normal", "hemorrhage"}


def test_an_image_that_would_join_two_parts_is_left_out() -> None:
    known: list[Known] = []
    add(known, [examined(i, "normal", f"g{i}") for i in range(10)])
    splits = splits_of(known)
    train = next(group for group, split in splits.items() if split is Split.TRAIN)
    test = next(group for group, split in splits.items() if split is Split.TEST)
    bridge = examined(50, "normal", test, look=int(train[1:]))
    neighbour = examined(51, "normal", None, look=int(train[1:]))
    other = examined(52, "normal", "new")
    assert add(known, [bridge, neighbour, other]) == [bridge, neighbour]
    assert len(known) == 11
    assert add(known, [neighbour]) == [], "without the bridge it is of the training split alone"
    assert known[-1].split is Split.TRAIN


def test_a_named_patient_is_found_again_by_an_image_that_is_there_already() -> None:
    known: list[Known] = []
    add(known, [examined(i) for i in range(10)])
    again = next(i for i, one in enumerate(known) if one.split is Split.TEST)
    assert known[again].sha256 == examined(again).sha256
    add(known, [examined(again, "normal", "P"), examined(60, "normal", "P")])
    assert known[-1].split is Split.TEST


def test_two_labels_in_one_group_stay_together() -> None:
    known: list[Known] = []
    add(known, [examined(i, ("normal", "hemorrhage")[i % 2], f"g{i // 2}") for i in range(20)])
    assert len(splits_of(known)) == 10
    assert set(splits_of(known).values()) == set(Split)


def test_a_table_that_names_two_patients_is_believed_unless_it_is_the_same_slice() -> None:
    known: list[Known] = []
    add(known, [examined(1, "normal", "A", look=7), examined(2, "normal", "B", look=7)])
    assert {one.group for one in known} == {"A", "B"}
    assert len({one.split for one in known}) == 1


def test_images_without_a_patient_take_the_name_of_the_one_they_look_like() -> None:
    known: list[Known] = []
    add(known, [examined(1, "normal", "A")])
    add(known, [examined(2, "normal", None, look=1), examined(3, "normal", None, look=3)])
    assert [one.group for one in known][:2] == ["A", "A"]
    assert known[2].group.startswith("found-")

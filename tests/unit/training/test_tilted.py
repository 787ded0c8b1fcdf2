"""Tilted planes are cut through neighbouring slices of a head, and have the label of what they meet."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.image_files import Limits
from images.constants import Preprocessing
from images.decoding import decode
from images.preprocessing import preprocess
from training.batches import Images
from training.dataset import Record
from training.phantoms.synthetic import generate_image
from training.recipes import Recipe, gather
from training.tilted import tilted

COUNT = 16
SHADES = np.linspace(0.0, 90.0, COUNT).round().astype(np.uint8)
"""What the brain of each slice is brighter by: tells the slices that a plane was cut through."""


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Sixteen slices of which the last six bleed, after a gap."""
    folder, made = tmp_path_factory.mktemp("head"), generate_image(1, None, (256, 256)).image
    records = []
    for number, shade in enumerate(SHADES):
        path = folder / f"{number}.png"
        brain = (made > 40) & (made < 160)
        Image.fromarray(np.where(brain, made // 2 + shade, made)).save(path)
        label, position = ("normal", number) if number < 10 else ("hemorrhage", number + 9)
        records.append(Record(path, label, "p", study="s", position=float(position), source="there"))
    return records


def placed(head: list[Record], positions: list[float], label: str | None = None) -> list[Record]:
    return [
        replace(one, position=at, label=label or one.label) for one, at in zip(head, positions, strict=True)
    ]


def test_planes_are_prepared_and_keep_patient_source_and_label(head: list[Record]) -> None:
    made = tilted(head, Limits())
    assert made.pixels.shape[1:] == Preprocessing().input_shape
    assert 4 < len(made.targets) < COUNT
    assert set(made.groups) == {"p"}
    assert set(made.sources) == {"there"}
    assert 0 < made.targets.sum() <= 4  # those at the ends of the bleed have no bleed on one side


def test_a_plane_shows_other_slices_on_its_two_sides(head: list[Record]) -> None:
    normal = placed(head, [float(i) for i in range(COUNT)], "normal")
    made = tilted(normal, Limits()).pixels[..., 0]
    straight = np.stack([preprocess(decode(one.path.read_bytes()), Preprocessing()) for one in head])[..., 0]

    def slope(images: np.ndarray) -> np.ndarray:
        """Of the brain's brightness from its middle to the side or end where it is greatest."""
        middle = images[:, 40:120, 40:120]
        along = [middle.mean(axis=axis) for axis in (1, 2)]
        halves = [one[:, :40].mean(axis=1) - one[:, 40:].mean(axis=1) for one in along]
        return np.abs(halves).max(axis=0)

    assert np.median(slope(made)) > 2.0 * np.median(slope(straight))


def test_no_plane_that_is_called_normal_meets_blood(head: list[Record]) -> None:
    near = placed(head, [float(i) for i in range(COUNT)])
    assert (tilted(near, Limits()).targets == 0).sum() < (tilted(head, Limits()).targets == 0).sum()


@pytest.mark.parametrize(
    "positions",
    [
        [60.0 * i for i in range(COUNT)],  # one slice here and there
        [float(i // 2) for i in range(COUNT)],  # two series in one place
        [0.0, 1.0, 9.0, 10.0, 18.0, 19.0, 27.0, 28.0, 36.0, 37.0, 45.0, 46.0, 54.0, 55.0, 63.0, 64.0],
    ],
)
def test_slices_that_are_no_neighbours_are_not_cut_through(
    head: list[Record], positions: list[float]
) -> None:
    assert len(tilted(placed(head, positions), Limits()).targets) == 0


def test_thick_slices_above_thin_ones_are_two_runs(head: list[Record]) -> None:
    positions = [4.0 * min(i, 8) + 7.0 * max(i - 8, 0) for i in range(COUNT)]
    assert len(tilted(placed(head, positions, "normal"), Limits()).targets) > 4


def test_patients_of_two_hospitals_with_one_name_are_two_heads(head: list[Record]) -> None:
    positions = [float(i) for i in range(COUNT)]
    here = placed(head, positions, "normal")
    both = here + [replace(one, source="elsewhere", group="q") for one in here]
    made = tilted(both, Limits())
    assert set(made.groups) == {"p", "q"}
    assert len(made.targets) > len(tilted(here, Limits()).targets)


def test_where_patients_are_divided_no_plane_shows_held_out_slices(head: list[Record]) -> None:
    images = tilted(head, Limits())
    for planes in (True, False):
        material = gather(head, images, [Recipe.HEADCT], Limits(), planes=planes)
        assert (len(material.more.targets) > 0) is planes


def test_reading_can_be_stopped(head: list[Record]) -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        tilted(head, Limits(), stop)


def test_slices_of_no_head_give_none_and_other_patients_are_not_added(head: list[Record]) -> None:
    none = tilted([Record(one.path, one.label, "p") for one in head], Limits())
    assert len(none.targets) == 0
    made = tilted(head, Limits())
    ours = Images(made.pixels[:1], made.targets[:1], np.array(["q"]), made.sources[:1])
    assert len(ours.with_more(made).targets) == len(ours.with_more(none).targets) == 1
    assert len(made.with_more(made).targets) == 2 * len(made.targets)

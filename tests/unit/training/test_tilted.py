"""Tilted planes are cut through neighbouring slices of a head, and have the label of what they meet."""

import numpy as np
import pytest
from PIL import Image

from core.image_files import Limits
from images.constants import Preprocessing
from training.batches import Images
from training.dataset import Record
from training.phantoms.synthetic import generate_image
from training.tilted import tilted


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Sixteen slices of which the last six bleed, after a gap."""
    folder, made = tmp_path_factory.mktemp("head"), generate_image(1, None).image
    records = []
    for number in range(16):
        path = folder / f"{number}.png"
        Image.fromarray(made).save(path)
        label, position = ("normal", number) if number < 10 else ("hemorrhage", number + 9)
        records.append(Record(path, label, "p", study="s", position=float(position), source="there"))
    return records


def test_planes_are_prepared_and_keep_patient_source_and_label(head: list[Record]) -> None:
    made = tilted(head, Limits())
    assert made.pixels.shape[1:] == Preprocessing().input_shape
    assert 4 < len(made.targets) < 16
    assert set(made.groups) == {"p"}
    assert set(made.sources) == {"there"}
    assert 0 < made.targets.sum() <= 6


def test_no_plane_through_blood_is_called_normal(head: list[Record]) -> None:
    near = [Record(one.path, one.label, "p", study="s", position=float(i)) for i, one in enumerate(head)]
    assert len(tilted(near, Limits()).targets) < len(tilted(head, Limits()).targets)


def test_slices_of_no_head_give_none_and_other_patients_are_not_added(head: list[Record]) -> None:
    none = tilted([Record(one.path, one.label, "p") for one in head], Limits())
    assert len(none.targets) == 0
    made = tilted(head, Limits())
    ours = Images(made.pixels[:1], made.targets[:1], np.array(["q"]), made.sources[:1])
    assert len(ours.with_more(made).targets) == len(ours.with_more(none).targets) == 1
    assert len(made.with_more(made).targets) == 2 * len(made.targets)

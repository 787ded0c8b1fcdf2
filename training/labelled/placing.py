"""The group and split of new images, so that no patient is ever on two sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from db.states import Split
from training.dataset import Record
from training.labelled.examining import Examined
from training.labelled.grouping import Cluster, Known, clusters
from training.split import new_splits


@dataclass(frozen=True)
class Place:
    """Where an image belongs."""

    group: str
    split: Split


def place(images: Sequence[Examined], known: Sequence[Known]) -> list[Place | None]:
    """The place of each image; None if it would join two splits.

    A cluster that touches groups of one split goes to that split, and one that touches none is dealt anew.
    One that touches groups of two splits is left out as a whole: wherever its images went, they would show
    one split a patient of the other.
    """
    found = clusters(images, known)
    splits = {one.group: one.split for one in known}
    dealt = _deal(images, known, [cluster for cluster in found if not cluster.groups])
    places: list[Place | None] = [None] * len(images)
    for cluster in found:
        name = cluster.name(images)
        sides = {splits[group] for group in cluster.groups} or {dealt[name]}
        if len(sides) == 1:
            split = sides.pop()
            for i in cluster.new:
                places[i] = Place(images[i].group or name, split)
    return places


def _deal(images: Sequence[Examined], known: Sequence[Known], new: Sequence[Cluster]) -> dict[str, Split]:
    """The splits of clusters that touch no known group, each by its name."""
    records = []
    for cluster in new:
        distinct = {images[i].pixels_sha256: images[i] for i in cluster.new}.values()
        records += [Record(image.path, image.label, cluster.name(images)) for image in distinct]
    decided = [Record(Path(one.sha256), one.label, one.group, one.split) for one in known]
    return new_splits(records, decided)

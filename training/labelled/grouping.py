"""Which images may not be told apart: those of one patient, as a table says or as the images look."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from db.states import Split
from training.labelled.examining import Examined
from training.labelled.similarity import SAME_SLICE, Signature, similar_pairs

_FOUND = "found-"
"""Begins the name of a group that no table names."""


@dataclass(frozen=True)
class Known:
    """An image that is in the training data; `signature` is None where its file is gone."""

    sha256: str
    pixels_sha256: str
    label: str
    group: str
    split: Split
    signature: Signature | None


@dataclass(frozen=True)
class Cluster:
    """New images (by index) that belong together, and the groups of known images that they belong to."""

    new: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def name(self, images: Sequence[Examined]) -> str:
        """The group for those of the new images that no table names a patient of."""
        named = {group for i in self.new if (group := images[i].group)}
        found = _FOUND + min(images[i].sha256 for i in self.new)[:16]
        return min([*self.groups, *named], default=found)


def clusters(images: Sequence[Examined], known: Sequence[Known]) -> list[Cluster]:
    """All new images in clusters: the same patient by name, the same pixels, or alike (and transitively).

    Two images whose patients are both named are linked only if they show the very same slice: of
    neighbouring slices a table knows more than the pixels do.
    """
    groups = sorted({one.group for one in known})
    nodes = {group: len(images) + i for i, group in enumerate(groups)}
    links = np.array([*_by_identity(images, known, nodes), *_by_looks(images, known, nodes)]).reshape(-1, 2)
    size = len(images) + len(groups)
    graph = coo_array((np.ones(len(links), dtype=np.bool_), (links[:, 0], links[:, 1])), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    found: dict[int, Cluster] = defaultdict(Cluster)
    for i in range(len(images)):
        found[labels[i]].new.append(i)
    for group, node in nodes.items():
        if labels[node] in found:
            found[labels[node]].groups.append(group)
    return list(found.values())


def _by_identity(
    images: Sequence[Examined], known: Sequence[Known], nodes: dict[str, int]
) -> Iterator[tuple[int, int]]:
    """Links by bytes, by pixels and by the patient's name."""
    first: dict[tuple[str, str], int] = {("group", group): node for group, node in nodes.items()}
    for one in known:
        first["pixels", one.pixels_sha256] = first["bytes", one.sha256] = nodes[one.group]
    for i, image in enumerate(images):
        keys = [("bytes", image.sha256), ("pixels", image.pixels_sha256)]
        if image.group:
            keys.append(("group", image.group))
        for key in keys:
            yield i, first.setdefault(key, i)


def _by_looks(
    images: Sequence[Examined], known: Sequence[Known], nodes: dict[str, int]
) -> Iterator[tuple[int, int]]:
    new = [(i, one.group is not None, one.signature) for i, one in enumerate(images)]
    seen = [(nodes[one.group], not one.group.startswith(_FOUND), one.signature) for one in known]
    ours, theirs = ([one for one in some if one[2] is not None] for some in (new, seen))
    both = ours + theirs
    signatures = ([signature for *_, signature in some if signature is not None] for some in (ours, theirs))
    for i, j, agreement in similar_pairs(*signatures):
        if agreement >= SAME_SLICE or not (both[i][1] and both[j][1]):
            yield both[i][0], both[j][0]

"""The test images that a version gets wrong, each with its heat map."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from models.card import Decision, OperatingPoint
from models.explain import heat_map, heat_pair
from models.labels import CLASSES
from models.network import HEAT
from training.batches import Images
from training.dataset import Record
from training.fit import outputs
from training.judged import Judged

MOST_SHOWN = 24


@dataclass(frozen=True)
class WrongImage:
    """One test image that is a missed bleed or a false alarm.

    Attributes
    ----------
    name
        The first 12 digits of the SHA-256 of the file: finds it again, and names nobody.
    truth
        Its label in the training data.
    decision
        What the version says of it.
    picture
        PNG: the prepared head, and beside it the same under its heat map. What is burnt into an image beside
        the head, such as a name, is not in it.
    """

    name: str
    truth: str
    decision: Decision
    picture: bytes


def wrong_images(
    network: keras.Model, point: OperatingPoint, records: Sequence[Record], images: Images
) -> list[WrongImage]:
    """The worst errors first, at most `MOST_SHOWN`; `images` are those of the N records, prepared."""
    said = outputs(network, images.pixels)
    judged = Judged.by(point, said.logits, said.distances)
    wrong = judged.wrong(images.targets)
    order = np.argsort(-np.abs(judged.probabilities - images.targets), kind="stable")
    cells = keras.Model(network.input, network.get_layer(HEAT).output)
    shown = []
    for index in [i for i in order if wrong[i]][:MOST_SHOWN]:
        decision = point.decide(float(said.logits[index]), float(said.distances[index]))
        name = hashlib.sha256(records[index].path.read_bytes()).hexdigest()[:12]
        truth = CLASSES[images.targets[index]]
        pixels = images.pixels[index]
        heat = heat_map(np.asarray(cells(pixels[np.newaxis], training=False))[0, ..., 0], len(pixels))
        picture = heat_pair(pixels[..., 0], heat, f"{name}: {truth}")
        shown.append(WrongImage(name, truth, decision, picture))
    return shown

"""Ways to a prediction, each fit on one part of the images and asked about another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from core.image_files import Limits
from training import baselines
from training.batches import Images
from training.dataset import Record
from training.hyperparameters import Hyperparameters
from training.judged import Floats
from training.split import Indices
from training.tilted import tilted


class Recipe(StrEnum):
    """How predictions are made."""

    HEADCT = "headct"
    PLAIN = "plain"
    CUES = "cues"
    MAJORITY = "majority"


@dataclass(frozen=True)
class Material:
    """N labelled images, in what form each recipe takes them.

    Attributes
    ----------
    images
        Prepared, for headct's own recipe; their targets and groups are everyone's.
    more
        What it learns from besides, of the same patients: see `training.tilted`.
    others
        For `PLAIN` what `plain_cnn.squeeze`, for `CUES` what `baselines.cues` gives, where they are asked.
    """

    images: Images
    more: Images
    others: Mapping[Recipe, NDArray[Any]]


@dataclass(frozen=True)
class Prediction:
    """Of n images by a fit that saw none of them.

    Attributes
    ----------
    logits, distances
        float64 (n,).
    domain_limit
        Greatest distance that gets a label from this fit; None where it has no guard.
    """

    logits: Floats
    distances: Floats
    domain_limit: float | None = None


def gather(
    records: Sequence[Record],
    images: Images,
    recipes: Sequence[Recipe],
    limits: Limits,
    *,
    planes: bool,
) -> Material:
    """What these recipes need of the images; tilted planes only where no patient is divided."""
    from training.plain_cnn import squeeze  # noqa: PLC0415 - brings TensorFlow

    makers: dict[Recipe, Callable[[Sequence[Record], Limits], NDArray[Any]]] = {
        Recipe.PLAIN: squeeze,
        Recipe.CUES: baselines.cues,
    }
    more = tilted(records if planes and Recipe.HEADCT in recipes else (), limits)
    return Material(
        images, more, {recipe: makers[recipe](records, limits) for recipe in recipes if recipe in makers}
    )


def predict(
    recipe: Recipe,
    material: Material,
    fitted: Indices,
    held_out: Indices,
    hyperparameters: Hyperparameters,
) -> Prediction:
    """Fit on some images, then predict the held-out ones."""
    targets = material.images.targets
    if recipe is Recipe.HEADCT:
        return _by_headct(material, fitted, held_out, hyperparameters)
    if recipe is Recipe.PLAIN:
        logits = _by_seed(material, fitted, held_out, hyperparameters)
    elif recipe is Recipe.CUES:
        probabilities = baselines.cue_probabilities(material.others[recipe], targets, fitted, held_out)
        logits = logit(np.clip(probabilities, 1e-6, 1.0 - 1e-6))
    else:
        # The commoner label of what is judged, the hardest to beat. Laplace: never quite 0 or 1.
        share = (targets[held_out].sum() + 1.0) / (len(held_out) + 2.0)
        logits = np.full(len(held_out), logit(share))
    return Prediction(logits, np.zeros(len(held_out)))


def _by_headct(material: Material, fitted: Indices, held_out: Indices, hyper: Hyperparameters) -> Prediction:
    from training.fit import domain_limit, fit, outputs  # noqa: PLC0415 - brings TensorFlow

    training = material.images.take(fitted).with_more(material.more)
    network = fit(training, hyper)
    said = outputs(network, material.images.pixels[held_out])
    return Prediction(said.logits, said.distances, domain_limit(network, training, None))


def _by_seed(material: Material, fitted: Indices, held_out: Indices, hyper: Hyperparameters) -> Floats:
    from training.plain_cnn import EPOCHS, fit_plain, plain_logits  # noqa: PLC0415 - brings TensorFlow

    pixels, epochs = material.others[Recipe.PLAIN], min(EPOCHS, hyper.epochs or EPOCHS)
    network = fit_plain(pixels[fitted], material.images.targets[fitted], epochs=epochs, seed=hyper.seed)
    return plain_logits(network, pixels[held_out])

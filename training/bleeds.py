"""The five kinds of intracranial bleeding, added to a phantom."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from training.canvas import smooth_noise
from training.phantom import Phantom

BLOOD_RANGE = (52.0, 82.0)
"""HU; a hematoma is 40 to 90: http://radclass.mudr.org/content/hounsfield-units-scale-hu-ct-numbers"""
_OEDEMA = -9.0
"""HU, at most, that the swollen tissue around a clot is darker."""

Mask = NDArray[np.bool_]


class Bleed(StrEnum):
    """Where the blood is."""

    EPIDURAL = "epidural"
    SUBDURAL = "subdural"
    INTRAPARENCHYMAL = "intraparenchymal"
    INTRAVENTRICULAR = "intraventricular"
    SUBARACHNOID = "subarachnoid"


def add_bleed(phantom: Phantom, bleed: Bleed, rng: np.random.Generator) -> None:
    """Replace tissue by blood, in place."""
    mask: Mask = _SHAPES[bleed](phantom, rng) & (phantom.depth < 1.0)
    height, width = mask.shape
    clot = rng.uniform(*BLOOD_RANGE) + 3.0 * smooth_noise(rng, height, width, 24)
    phantom.hounsfield[mask] = clot[mask]


def _epidural(phantom: Phantom, rng: np.random.Generator) -> Mask:
    """A lens between skull and dura."""
    direction, radius = _sideways(rng), rng.uniform(0.35, 0.6)
    centre = np.array([np.cos(direction), 1.25 * np.sin(direction)]) * rng.uniform(1.1, 1.2)
    return np.asarray(np.hypot(phantom.x - centre[0], phantom.y - centre[1]) < radius)


def _subdural(phantom: Phantom, rng: np.random.Generator) -> Mask:
    """A crescent along the skull."""
    offset = np.abs(np.angle(np.exp(1j * (phantom.angle - _sideways(rng)))))
    thickness = rng.uniform(0.08, 0.2) * np.clip(1.0 - (offset / rng.uniform(0.8, 1.5)) ** 4, 0.0, 1.0)
    return np.asarray((phantom.depth > 1.0 - thickness) & (thickness > 0.02))


def _intraparenchymal(phantom: Phantom, rng: np.random.Generator) -> Mask:
    """An irregular clot in the brain, with a rim of oedema."""
    direction, distance = rng.uniform(-np.pi, np.pi), rng.uniform(0.25, 0.7)
    x, y = phantom.x - distance * np.cos(direction), phantom.y - 1.2 * distance * np.sin(direction)
    turn = rng.uniform(0.0, np.pi)
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    height, width = x.shape
    ragged = np.hypot(along / rng.uniform(1.0, 1.8), across) * (
        1.0 + 0.22 * smooth_noise(rng, height, width, 14)
    )
    size = rng.uniform(0.09, 0.27)
    rim = (ragged > size) & (ragged < size * 1.45) & (phantom.depth < 0.97) & ~phantom.ventricles
    phantom.hounsfield[rim] += rng.uniform(0.3, 1.0) * _OEDEMA
    return np.asarray(ragged < size)


def _intraventricular(phantom: Phantom, rng: np.random.Generator) -> Mask:
    """Blood in the ventricles: a whole side, or layered at the back as the patient lies supine."""
    ventricles = phantom.ventricles
    if rng.random() < 0.5:
        side = rng.choice((-1.0, 1.0))
        return np.asarray(ventricles & (side * phantom.x > -0.02))
    return np.asarray(ventricles & (phantom.y > rng.uniform(0.05, 0.25)))


def _subarachnoid(phantom: Phantom, rng: np.random.Generator) -> Mask:
    """Blood in the sulci of one side, and in a star of cisterns in the middle."""
    offset = np.abs(np.angle(np.exp(1j * (phantom.angle - _sideways(rng)))))
    height, width = phantom.x.shape
    ridges = np.abs(smooth_noise(rng, height, width, 16)) < 0.25
    folds = ridges & (phantom.depth > 0.62) & (offset < rng.uniform(0.7, 1.3))
    if rng.random() < 0.5:
        return np.asarray(folds)
    arms = np.abs(np.sin(2.5 * (phantom.angle - np.pi / 2.0))) < 0.16
    return np.asarray(folds | (arms & (phantom.depth < rng.uniform(0.35, 0.6)) & (phantom.depth > 0.06)))


def _sideways(rng: np.random.Generator) -> float:
    """A direction within 60 degrees of left or right."""
    return float(rng.uniform(-1.05, 1.05) + (np.pi if rng.random() < 0.5 else 0.0))


_SHAPES: dict[Bleed, Callable[[Phantom, np.random.Generator], Mask]] = {
    Bleed.EPIDURAL: _epidural,
    Bleed.SUBDURAL: _subdural,
    Bleed.INTRAPARENCHYMAL: _intraparenchymal,
    Bleed.INTRAVENTRICULAR: _intraventricular,
    Bleed.SUBARACHNOID: _subarachnoid,
}

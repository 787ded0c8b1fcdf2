"""The five kinds of intracranial bleeding, added to a phantom."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from scipy import ndimage

from training.phantoms.brain import BrainLevel
from training.phantoms.canvas import Field, Points, Shares, smooth_noise
from training.phantoms.phantom import Phantom
from training.phantoms.skull import off

_FRESH = (58.0, 82.0)
"""HU of clotted blood; whole blood is 40, a clot up to 90:
http://radclass.mudr.org/content/hounsfield-units-scale-hu-ct-numbers"""
_OLD = (14.0, 30.0)
"""HU of the darker part of a collection of mixed age."""
_OEDEMA = -10.0
"""HU, at most, that the swollen tissue around a clot is darker."""
_BONE_FROM = 100.0
"""HU from which a pixel is bone or calcification and stays so."""


class Bleed(StrEnum):
    """Where the blood is."""

    EPIDURAL = "epidural"
    SUBDURAL = "subdural"
    INTRAPARENCHYMAL = "intraparenchymal"
    INTRAVENTRICULAR = "intraventricular"
    SUBARACHNOID = "subarachnoid"


LEVELS: dict[Bleed, tuple[BrainLevel, ...]] = {
    Bleed.EPIDURAL: tuple(BrainLevel),
    Bleed.SUBDURAL: tuple(BrainLevel),
    Bleed.INTRAPARENCHYMAL: tuple(BrainLevel),
    Bleed.INTRAVENTRICULAR: (BrainLevel.VENTRICLES, BrainLevel.BODIES),
    Bleed.SUBARACHNOID: tuple(level for level in BrainLevel if level is not BrainLevel.POSTERIOR_FOSSA),
}
"""Levels at which a kind of bleed is drawn: where its space is large enough to be seen."""


def add_bleed(phantom: Phantom, bleed: Bleed, rng: np.random.Generator) -> None:
    """Replace tissue by blood, in place."""
    share = _SHAPES[bleed](phantom, rng)
    soft = ndimage.gaussian_filter(share, rng.uniform(0.3, 0.8), truncate=3.0)
    soft[(phantom.depth > 1.0) | (phantom.hounsfield > _BONE_FROM)] = 0.0
    phantom.hounsfield += (_blood(phantom, bleed, soft, rng) - phantom.hounsfield) * soft


def _blood(phantom: Phantom, bleed: Bleed, share: Field, rng: np.random.Generator) -> Field:
    """HU of the blood: even, or swirls or a level of fresh and older blood, half of it fresh at least."""
    fresh = np.float32(rng.uniform(*_FRESH))
    clot = fresh + np.float32(rng.uniform(1.0, 5.0)) * _uneven(phantom, rng, 24)
    mixed = {Bleed.SUBDURAL: 0.35, Bleed.INTRAPARENCHYMAL: 0.15, Bleed.EPIDURAL: 0.15}
    if rng.random() > mixed.get(bleed, 0.0):
        return clot
    old = np.float32(rng.uniform(*_OLD))
    if rng.random() < 0.5:  # the cells of unclotted blood settle at the back, as the patient lies supine
        behind = np.quantile(phantom.y[share > 0.5], rng.uniform(0.2, 0.5)) if (share > 0.5).any() else 0.0
        part = np.clip((phantom.y - np.float32(behind)) / 4.0, 0.0, 1.0)
    else:
        part = np.clip(_uneven(phantom, rng, 14) * 2.0 + np.float32(1.2), 0.0, 1.0)
    return np.asarray(old + (clot - old) * part, dtype=np.float32)


def _epidural(phantom: Phantom, rng: np.random.Generator) -> Field:
    """A lens between skull and dura: it bulges into the brain and ends where the sutures hold the dura."""
    direction, spread = _sideways(rng), rng.uniform(0.32, 0.62)
    thickest = phantom.inner * np.float32(spread**2 * rng.uniform(0.75, 1.3))
    thickness = np.maximum(thickest, 7.0) * (1.0 - (off(phantom.angle, direction) / spread) ** 2)
    _shift(phantom, direction, 0.25 * float(thickness.max()) * rng.uniform(0.2, 1.2))
    return _outermost(phantom, thickness)


def _subdural(phantom: Phantom, rng: np.random.Generator) -> Field:
    """A crescent that follows the skull of one side, thin or thick; sometimes along the falx as well."""
    direction = _sideways(rng)
    side = 1.0 if np.cos(direction) > 0.0 else -1.0
    falx = _beside_falx(phantom, rng, side) if rng.random() < 0.25 else np.zeros_like(phantom.depth)
    if falx.any() and phantom.level is not BrainLevel.POSTERIOR_FOSSA and rng.random() < 0.3:
        return falx
    spread, thickest = rng.uniform(0.8, 1.5), rng.uniform(6.0, 20.0)
    thickness = np.float32(thickest) * (1.0 - np.abs(off(phantom.angle, direction) / spread) ** 3)
    thickness += np.float32(0.08 * thickest) * _uneven(phantom, rng, 12)
    _shift(phantom, direction, 0.45 * thickest * rng.uniform(0.1, 1.2))
    thickness[side * phantom.x < 2.0] = 0.0  # the falx holds it on its side
    return np.maximum(_outermost(phantom, thickness), falx)


def _beside_falx(phantom: Phantom, rng: np.random.Generator, side: float) -> Field:
    """A sheet along the falx, at the back or in front."""
    thick = rng.uniform(4.5, 9.0) * (1.0 + 0.2 * _uneven(phantom, rng, 10))
    ends = phantom.y > rng.uniform(25, 40) if rng.random() < 0.6 else phantom.y < rng.uniform(-45, -35)
    sheet = ends & (side * phantom.x > -0.5) & (side * phantom.x < thick) & (phantom.depth < 1.0)
    return sheet.astype(np.float32)


def _intraparenchymal(phantom: Phantom, rng: np.random.Generator) -> Field:
    """One clot or some beside each other, in the basal ganglia or a lobe, in a rim of oedema."""
    place = _place(phantom, rng)
    size = rng.uniform(5.0, 12.0) if rng.random() < 0.5 else rng.uniform(10.0, 24.0)
    size = min(size, 14.0) if phantom.level is BrainLevel.POSTERIOR_FOSSA else size
    _shift(phantom, float(np.arctan2(place[1], place[0])), 0.25 * size * rng.uniform(0.0, 1.2))
    canvas = Shares(phantom.frame, rng)
    stretched = rng.uniform(1.0, 1.7)
    canvas.blob(place, (size / stretched, size * stretched**0.5), 1.0, turn=rng.uniform(0.0, 180.0))
    for _ in range(int(rng.integers(0, 5))):
        nearby = place + rng.normal(0.0, 0.7 * size, 2)
        canvas.blob(nearby, (size * rng.uniform(0.2, 0.7), size * rng.uniform(0.2, 0.7)), 1.0)
    clot = canvas.read()
    clot[phantom.depth > 0.98] = 0.0
    ragged = ndimage.gaussian_filter(clot, 1.5 / phantom.frame.spacing)
    ragged += 0.25 * _uneven(phantom, rng, 40) * (ragged > 0.05) * (ragged < 0.95)
    rim = ndimage.gaussian_filter(clot, 0.3 * (size + 6.0) / phantom.frame.spacing, truncate=2.0)
    swollen = np.clip(rim * 5.0, 0.0, 1.0) * (phantom.hounsfield > 15.0) * (phantom.depth < 0.99)
    phantom.hounsfield += np.float32(rng.uniform(0.2, 1.0) * _OEDEMA) * swollen
    clot = np.clip((ragged - 0.5) * 4.0 + 0.5, 0.0, 1.0)
    if rng.random() < 0.2:  # it breaks into the ventricles
        clot = np.maximum(clot, phantom.ventricles * (place[0] * phantom.x > -60.0))
    return np.asarray(clot, dtype=np.float32)


def _intraventricular(phantom: Phantom, rng: np.random.Generator) -> Field:
    """Blood that fills one or both ventricles, or lies at their back, as the patient lies supine."""
    kind, ventricles = rng.random(), phantom.ventricles
    if kind < 0.3:
        side = np.float32(rng.choice((-1.0, 1.0)))
        return np.asarray(ventricles * (side * phantom.x > -2.0), dtype=np.float32)
    if kind < 0.45:
        return ventricles
    # From front to back a level cuts off this part of what the ventricles hold.
    filled = np.sort(phantom.y[ventricles > 0.5])
    level = filled[int(filled.size * rng.uniform(0.35, 0.75))]
    return np.asarray(ventricles * np.clip((phantom.y - level) / 2.0, 0.0, 1.0), dtype=np.float32)


def _subarachnoid(phantom: Phantom, rng: np.random.Generator) -> Field:
    """Blood where the fluid of sulci, fissures and cisterns was: in all of them, or those of one side."""
    spread = ndimage.gaussian_filter(
        phantom.fluid, rng.uniform(0.7, 1.4) / phantom.frame.spacing, truncate=3.0
    )
    widened = np.clip(spread * rng.uniform(2.0, 3.5), 0.0, 1.0)
    patchy = np.clip(0.6 * _uneven(phantom, rng, 16) + np.float32(0.9), 0.4, 1.0)
    if rng.random() < (0.7 if phantom.level is BrainLevel.CISTERNS else 0.3):
        near = np.ones_like(widened)
    else:
        near = np.clip((rng.uniform(1.0, 1.5) - np.abs(off(phantom.angle, _sideways(rng)))) * 4.0, 0.0, 1.0)
    return np.asarray(widened * near * patchy * rng.uniform(0.85, 1.0), dtype=np.float32)


def _place(phantom: Phantom, rng: np.random.Generator) -> Points:
    """Where a clot lies in the brain, in mm."""
    side = rng.choice((-1.0, 1.0))
    deep = phantom.level in (BrainLevel.VENTRICLES, BrainLevel.BODIES) and rng.random() < 0.45
    if deep:  # putamen, thalamus or caudate, as in high blood pressure
        return np.array([side * rng.uniform(12.0, 30.0), rng.uniform(-22.0, 14.0)])
    if phantom.level is BrainLevel.POSTERIOR_FOSSA and rng.random() < 0.7:
        return np.array([side * rng.uniform(0.0, 34.0), rng.uniform(36.0, 52.0)])
    direction = _sideways(rng)
    surface = float(phantom.inner.flat[np.argmin(np.abs(off(phantom.angle, direction)))])
    return np.array([np.cos(direction), np.sin(direction)]) * surface * rng.uniform(0.45, 0.8)


def _uneven(phantom: Phantom, rng: np.random.Generator, cells: int) -> Field:
    return smooth_noise(rng, phantom.frame.height, phantom.frame.width, cells)


def _outermost(phantom: Phantom, thickness: Field) -> Field:
    """Share of each pixel that lies within `thickness` mm of the inner table."""
    under = (1.0 - phantom.depth) * phantom.inner
    share = np.clip((thickness - under) / np.float32(phantom.frame.spacing) + 0.5, 0.0, 1.0)
    return np.asarray(share * (thickness > 1.0), dtype=np.float32)


def _shift(phantom: Phantom, direction: float, distance: float) -> None:
    """Push the brain `distance` mm away from `direction`, where a clot lies, most in the middle; in place."""
    ends = phantom.frame.pixels(distance * np.array([[0.0, 0.0], [np.cos(direction), np.sin(direction)]]))
    columns, rows = ends[1] - ends[0]
    give = np.clip(1.0 - phantom.depth**2, 0.0, None)
    y, x = np.indices(give.shape, dtype=np.float32)
    source = np.stack((y + np.float32(rows) * give, x + np.float32(columns) * give))
    for field in (phantom.hounsfield, phantom.ventricles, phantom.fluid):
        field[:] = ndimage.map_coordinates(field, source, order=1, mode="nearest")


def _sideways(rng: np.random.Generator) -> float:
    """A direction within 60 degrees of left or right."""
    return float(rng.uniform(-1.05, 1.05) + (np.pi if rng.random() < 0.5 else 0.0))


_SHAPES: dict[Bleed, Callable[[Phantom, np.random.Generator], Field]] = {
    Bleed.EPIDURAL: _epidural,
    Bleed.SUBDURAL: _subdural,
    Bleed.INTRAPARENCHYMAL: _intraparenchymal,
    Bleed.INTRAVENTRICULAR: _intraventricular,
    Bleed.SUBARACHNOID: _subarachnoid,
}
"""Each returns the share (0..1) of every pixel that is blood, float32 (height, width)."""

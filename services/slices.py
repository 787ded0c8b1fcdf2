"""The images as a viewer shows them: their pixels, a small picture, the heat map."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
from sqlalchemy import func, select

from core.errors import NoSuchImage
from db.engine import read_session
from db.tables import File, Image
from images.dicom import Measured
from services.aside import Aside
from services.context import Context
from services.explain import Overlay
from services.pictures import Pictures

_FORMAT: Final = 1
"""Of what is made of an image; another one makes browsers ask again."""
_AT_ONCE = 2
"""Images that are decoded at the same time: each takes memory."""
_PREVIEW_SIDE, _PREVIEW_QUALITY, _PREVIEWS = 128, 80, 1000
"""Pixels, of 100, and how many are kept in memory: 4 KB each."""


class Stored(NamedTuple):
    """Where an image's pixels are.

    Attributes
    ----------
    several
        Whether its file has several.
    """

    image_id: int
    file_id: int
    sha256: str
    frame: int
    several: bool

    @property
    def tag(self) -> str:
        """As `tag_of`."""
        return tag_of(self.sha256, self.frame)


def tag_of(sha256: str, frame: int) -> str:
    """Names the pixels of an image: one of the same tag looks the same."""
    return f"{sha256[:32]}-{frame}-{_FORMAT}"


class Pixels(NamedTuple):
    """What a viewer windows.

    Attributes
    ----------
    data
        Row by row: int16, little endian, in HU ("hu"); or a byte from black to white ("grey").
    pixel_mm
        Side of a pixel, where it is known.
    """

    data: bytes
    kind: Literal["hu", "grey"]
    rows: int
    columns: int
    pixel_mm: float | None


class Slices:
    """Shows the images of a home; to be kept, since files of many frames take long to open."""

    def __init__(self, context: Context, aside: Aside) -> None:
        self._context, self._aside = context, aside
        self._decoding = threading.BoundedSemaphore(_AT_ONCE)
        self._opened, self._opening = Pictures(context), threading.Lock()
        self._previews = lru_cache(_PREVIEWS)(self._preview)

    def find(self, image_id: int) -> Stored:
        """Where an image is.

        Raises
        ------
        NoSuchImage
        """
        images = select(func.count()).where(Image.file_id == File.id).correlate(File).scalar_subquery()
        query = select(Image.file_id, File.sha256, Image.frame, images.label("images"))
        query = query.join(File, File.id == Image.file_id).where(Image.id == image_id)
        with read_session(self._context.engine) as session:
            row = session.execute(query).one_or_none()
        if row is None:
            raise NoSuchImage(f"There is no image {image_id}.")
        return Stored(image_id, row.file_id, row.sha256, row.frame, row.frame > 0 or row.images > 1)

    def pixels(self, stored: Stored) -> Pixels:
        """All values of an image.

        Raises
        ------
        RejectedImage
            Its file is gone or was changed, or there is nothing to see in it.
        StoreUnavailable
        """
        with self._pictures(stored) as pictures:
            found: Measured = pictures.measured(stored.sha256, stored.frame)
        is_hu = found.values.dtype == np.int16
        data = found.values.astype("<i2", copy=False).tobytes() if is_hu else found.values.tobytes()
        rows, columns = found.values.shape
        return Pixels(data, "hu" if is_hu else "grey", rows, columns, found.pixel_mm)

    def preview(self, stored: Stored) -> bytes:
        """A small JPEG in the brain window, with nothing written on it; raises as `pixels`."""
        return self._previews(stored)

    def _preview(self, stored: Stored) -> bytes:
        with self._pictures(stored) as pictures:
            image = pictures.picture(stored.sha256, stored.frame)
        scale = _PREVIEW_SIDE / max(image.shape)
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        small = np.rint(cv2.resize(image, size, interpolation=cv2.INTER_AREA)).astype(np.uint8)
        return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _PREVIEW_QUALITY])[1].tobytes()

    def heat(self, stored: Stored) -> Overlay:
        """The heat map by the version in use, as large as the image.

        Raises
        ------
        NothingToExplain, RejectedImage, StoreUnavailable, ModelError, HelperLost
        """
        found: Overlay = self._aside.call("services.explain", "overlay", stored.file_id, stored.frame)
        return found

    @contextmanager
    def _pictures(self, stored: Stored) -> Iterator[Pictures]:
        """Of a file of several images it is the one that was opened before, which one at a time uses."""
        with self._opening if stored.several else self._decoding:
            yield self._opened if stored.several else Pictures(self._context)

"""Many distinct PNG files, of real slices or in the sizes that these have, made quickly."""

import io
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

_DRAWN, _SEED = 100, 2026
# Heights of the 160 real slices: median 437 px, 158 to 957; width over height 0.75 to 0.95.
_MEDIAN_HEIGHT, _SPREAD, _HEIGHTS = 410.0, 0.35, (158, 957)
# PNG 3rd ed., 5.2 and 11.2.1: the signature takes 8 bytes, IHDR 25, and any ancillary chunk may follow.
_AFTER_HEADER = 33


class FileSource(ABC):
    """Holds some slices, and gives any number of files, no two with the same bytes."""

    suffix: str

    def __init__(self, drawn: list[bytes]) -> None:
        self._drawn = drawn
        self._given = 0

    @abstractmethod
    def _distinct(self, data: bytes, number: int) -> bytes:
        """The file with that number in it, where it changes no pixel."""

    @property
    def mean_bytes(self) -> float:
        """Mean size of a file in bytes."""
        return float(np.mean([len(data) for data in self._drawn]))

    def files(self, count: int) -> Iterator[bytes]:
        """`count` files, none of which was given before."""
        for _ in range(count):
            self._given += 1
            yield self._distinct(self._drawn[self._given % len(self._drawn)], self._given)

    def write(self, folder: Path, count: int) -> list[Path]:
        """Write `count` new files into a folder; their names are new as well."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for data in self.files(count):
            paths.append(folder / f"{self._given:06d}{self.suffix}")
            paths[-1].write_bytes(data)
        return paths


class ImageSource(FileSource):
    """PNGs that differ in a text chunk: of these slices, or of synthetic ones.

    The synthetic ones are RGB with equal channels and have as many pixels in the mean as the real ones, but
    are smoother: a third smaller as files, and decoded in 0.7 of the time.
    """

    suffix = ".png"

    def __init__(self, slices: Sequence[Path] = ()) -> None:
        super().__init__([path.read_bytes() for path in slices] or list(_draw()))

    def _distinct(self, data: bytes, number: int) -> bytes:
        return data[:_AFTER_HEADER] + _text_chunk(f"Comment\0{number}") + data[_AFTER_HEADER:]


def _draw() -> Iterator[bytes]:
    rng = np.random.default_rng(_SEED)
    kinds: list[Bleed | None] = [None, *Bleed]
    for index in range(_DRAWN):
        height = int(np.clip(rng.lognormal(np.log(_MEDIAN_HEIGHT), _SPREAD), *_HEIGHTS))
        size = height, int(height * rng.uniform(0.75, 0.95))
        image = generate_image(index, kinds[index % len(kinds)], size)
        file = io.BytesIO()
        Image.fromarray(image.image).convert("RGB").save(file, "PNG", compress_level=1)
        yield file.getvalue()


def _text_chunk(text: str) -> bytes:
    """A tEXt chunk: length, type, data, CRC of type and data (PNG 3rd ed., 5.3 and 11.3.3.2)."""
    body = b"tEXt" + text.encode("latin-1")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

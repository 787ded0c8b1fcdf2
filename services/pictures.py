"""The pictures of stored files, one after another."""

import weakref
from collections.abc import Callable

from core.errors import SeveralFrames, UnreadableImage
from core.image_files import open_stored, read_stored
from core.reasons import ReasonCode
from images.decoding import GreyImage, decode, measure
from images.dicom import Measured
from images.dicom_file import announced_frames
from images.dicom_frames import Frames
from images.noted import Noted
from services.context import Context


class Pictures:
    """Decodes them; a file of several frames stays open until that of another is asked for."""

    def __init__(self, context: Context) -> None:
        self._home, self._limits = context.home, context.settings
        self._file: tuple[str, Frames] | None = None
        self._close: Callable[[], object] = lambda: None

    def picture(self, sha256: str, frame: int | None = None) -> GreyImage:
        """One image of a file; which one must be said where there are several.

        Raises
        ------
        RejectedImage, StoreUnavailable
        """
        frames = self._frames(sha256)
        if frames is None:
            return decode(self._read(sha256), self._limits.max_pixels)
        return frames.shown(_known(frames, frame), Noted())

    def measured(self, sha256: str, frame: int) -> Measured:
        """As `picture`, for a viewer."""
        frames = self._frames(sha256)
        if frames is None:
            return measure(self._read(sha256), self._limits.max_pixels)
        return frames.measured(_known(frames, frame))

    def _read(self, sha256: str) -> bytes:
        return read_stored(self._home, sha256, self._limits.max_file_mb)

    def _frames(self, sha256: str) -> Frames | None:
        if self._file and self._file[0] == sha256:
            return self._file[1]
        stored = open_stored(self._home, sha256, self._limits.max_file_mb)
        if announced_frames(stored) <= 1:
            stored.close()
            return None
        self._close()
        self._file, self._close = None, weakref.finalize(self, stored.close)
        stored.seek(0)
        self._file = sha256, Frames(stored, self._limits.max_pixels)
        return self._file[1]


def _known(frames: Frames, frame: int | None) -> int:
    if frame is None:
        raise SeveralFrames
    if frame >= frames.count:
        raise UnreadableImage(
            ReasonCode.NO_IMAGE, f"The file has {frames.count} frames, from 0 to {frames.count - 1}."
        )
    return frame

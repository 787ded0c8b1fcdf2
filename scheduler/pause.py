"""The pause of an intake that the disk or the database refuses: said once, and shown by `headct status`."""

import contextlib
import logging
import time
from datetime import UTC, datetime

from core.home import Home

logger = logging.getLogger(__name__)


class Pause:
    """Whether the intake pauses. What it says stands in the home, for `headct status`.

    Parameters
    ----------
    pause_s
        How long the intake takes nothing before it tries again.
    """

    def __init__(self, home: Home, *, pause_s: float = 5.0) -> None:
        self._pause_s = pause_s
        self._file = home.intake_paused
        self._until: float | None = None
        self._file.unlink(missing_ok=True)  # of a scheduler that was killed

    def begin(self, reason: str) -> None:
        """Nothing is to be taken for a while, for this reason (which names no file)."""
        if self._until is None:
            logger.error(
                "the intake pauses, and tries again every %d s: %s. Nothing is lost, the files wait.",
                self._pause_s,
                reason.rstrip("."),
            )
            self._say(reason)
        self._until = time.monotonic() + self._pause_s

    def end(self) -> None:
        """The intake takes files again; harmless if it did all the time."""
        if self._until is not None:
            logger.info("the intake goes on")
            self._file.unlink(missing_ok=True)
        self._until = None

    def holds(self) -> bool:
        """Whether nothing is to be tried now."""
        return self._until is not None and time.monotonic() < self._until

    def _say(self, reason: str) -> None:
        with contextlib.suppress(OSError):  # on a full disk `headct status` sees that for itself
            half = self._file.with_suffix(".tmp")
            half.write_text(f"{reason.rstrip('.')} (since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ})")
            half.replace(self._file)


def pause_shown(home: Home) -> str | None:
    """Why and since when the intake of this home pauses; None if it does not."""
    try:
        return home.intake_paused.read_text()
    except FileNotFoundError:
        return None

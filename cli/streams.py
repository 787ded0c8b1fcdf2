"""Standard input, output and error of the command, as they can be: closed, full, of another charset."""

import io
import os
import sys

from core.errors import OutputLost


class ReaderGone(Exception):
    """Who reads the pipe, such as `head`, has seen enough. No OSError, which libraries take for theirs."""


class _Output(io.FileIO):
    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise ReaderGone from error
        except OSError as error:
            raise OutputLost(f"Standard output cannot be written ({error.strerror}).") from error


def open_streams() -> None:
    r"""Have all three open, and standard output say what it cannot spell by escapes such as \xe9."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file that is opened would be written to in its place
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:  # as Python leaves it where it was closed
        sys.stderr = io.TextIOWrapper(
            io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace", write_through=True
        )
    raw = _Output(1, "w", closefd=False)
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=raw.isatty()
    )


def drop_output() -> None:
    """Nothing more is written: what still waits would fail again when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)

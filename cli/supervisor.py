"""supervisord, made to outlive a full disk below its output.

It tells of an error in its log on standard error, and ends if it cannot. What it has to say may be lost; the
parts that it looks after may not.
"""

import io
import sys

from supervisor.supervisord import main


class _Lossy(io.FileIO):
    """A file where what cannot be written is left out."""

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return len(data)


if __name__ == "__main__":
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(_Lossy(stream.fileno(), "w", closefd=False), write_through=True)
        for stream in (sys.stdout, sys.stderr)
    )
    main()

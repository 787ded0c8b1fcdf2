"""supervisord, made to outlive a full disk below its output, and to end with its terminal.

It tells of an error in its log on standard error, and ends if it cannot. What it has to say may be lost; the
parts that it looks after may not.
"""

import io
import signal
import sys

from supervisor.options import ServerOptions
from supervisor.supervisord import go


class _Lossy(io.FileIO):
    """A file where what cannot be written is left out."""

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return len(data)


class _Options(ServerOptions):  # type: ignore[misc]  # untyped
    """SIGHUP, by which a terminal says that it is closed, stops everything, in place of starting it anew."""

    def setsignals(self) -> None:
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup(1)
        super().setsignals()
        if ignored:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def get_signal(self) -> int | None:
        number: int | None = super().get_signal()
        return signal.SIGTERM if number == signal.SIGHUP else number


if __name__ == "__main__":
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(_Lossy(stream.fileno(), "w", closefd=False), "utf-8", "replace", write_through=True)
        for stream in (sys.stdout, sys.stderr)
    )
    options = _Options()
    options.realize(sys.argv[1:])
    options.first, options.test = True, False
    go(options)

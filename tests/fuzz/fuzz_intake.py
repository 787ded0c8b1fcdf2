"""Coverage-guided fuzzing of the intake with atheris: `make fuzz`.

An input is a few moves of those who drop files, before and during rounds of the intake: names of any bytes,
the same names and bytes again, hard and symbolic links, pipes, folders that are moved away, files that are
too large or open for writing. What reaches new lines of `core`, `db` or `scheduler` is kept. The fuzzer stops
at the first input after which inbox, rows and stores are not as they have to be, or that takes over 5 s, and
leaves it as `crash-*` or `timeout-*`. With the path of that file as its only argument it plays it again.
"""

import random
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["core", "db", "scheduler"]):
    from tests.fuzz.inbox import Inbox
from tests.fuzz.fuzzer import command_line, fuzz_in_folder

_SEEDS = 60
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there


def _fuzz(folder: Path) -> None:
    seeds = folder / "seeds"
    seeds.mkdir()
    rng = random.Random(1)  # noqa: S311 - to be repeatable
    for number in range(_SEEDS):  # any bytes are some moves
        (seeds / f"{number:03d}").write_bytes(rng.randbytes(rng.randrange(20, 1000)))
    inbox = Inbox(folder)

    def test_one(data: bytes) -> None:
        inbox.play(atheris.FuzzedDataProvider(data))

    atheris.Setup(command_line("-timeout=5", "-max_len=4096", seeds=seeds), test_one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz with libFuzzer's options from the command line; a folder named there keeps what it finds."""
    # In memory: a disk that others use is several times slower, and less steady.
    fuzz_in_folder(_fuzz, _MEMORY if _MEMORY.is_dir() else None)


if __name__ == "__main__":
    main()

"""Coverage-guided fuzzing of the decoder with atheris: `make fuzz`.

It begins with the well-formed files, damages them by the mutations of this folder and by libFuzzer's own, and
keeps what reaches new lines of Pillow's and pydicom's parsers or of `models`. It stops at the first file that
raises anything but a `RejectedImage`, or takes over 5 s or 1.2 GB, and leaves it as `crash-*`, `timeout-*` or
`oom-*`.
"""

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "pydicom", "models"]):
    from tests.fuzz.files import well_formed_files
    from tests.fuzz.mutations import mutate
    from tests.fuzz.target import examine

_FILES = list(well_formed_files().values())


def _test_one(data: bytes) -> None:
    examine(data)


def _mutator(data: bytes, max_size: int, seed: int) -> bytes:
    rng = random.Random(seed)  # noqa: S311 - libFuzzer chooses the seed
    damaged = mutate(rng, bytes(data), _FILES) if rng.random() < 0.7 else atheris.Mutate(data, max_size)
    return bytes(damaged[:max_size])


def main() -> None:
    """Fuzz with libFuzzer's options from the command line; a folder named there keeps what it finds."""
    with tempfile.TemporaryDirectory() as seeds:
        for number, data in enumerate(_FILES):
            (Path(seeds) / f"{number:03d}").write_bytes(data)
        limits = ["-timeout=5", "-rss_limit_mb=1200", "-max_len=1048576"]
        atheris.Setup([*sys.argv, *limits, seeds], _test_one, custom_mutator=_mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

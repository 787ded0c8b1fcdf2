"""Coverage-guided fuzzing of the decoder with atheris: `make fuzz`.

It begins with the well-formed files, damages them by the mutations of this folder and by libFuzzer's own, and
keeps what reaches new lines of Pillow's and pydicom's parsers or of `images`. It stops at the first file that
raises anything but a `RejectedImage`, or takes over 5 s or 1.2 GB, and leaves it as `crash-*`, `timeout-*` or
`oom-*`. With the path of that file as its only argument it decodes it again.
"""

import random
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "pydicom", "images"]):
    from tests.fuzz.files import well_formed_files
    from tests.fuzz.mutations import mutate
    from tests.fuzz.target import examine
from tests.fuzz.fuzzer import command_line, fuzz_in_folder
from worker.limits import give_back_large_blocks

_FILES = list(well_formed_files().values())


def _test_one(data: bytes) -> None:
    examine(data)


def _mutator(data: bytes, max_size: int, seed: int) -> bytes:
    rng = random.Random(seed)  # noqa: S311 - libFuzzer chooses the seed
    damaged = mutate(rng, bytes(data), _FILES) if rng.random() < 0.7 else atheris.Mutate(data, max_size)
    return bytes(damaged[:max_size])


def _fuzz(seeds: Path) -> None:
    for number, data in enumerate(_FILES):
        (seeds / f"{number:03d}").write_bytes(data)
    give_back_large_blocks()  # as a worker does
    limits = ["-timeout=5", "-rss_limit_mb=1200", "-max_len=1048576"]
    atheris.Setup(command_line(*limits, seeds=seeds), _test_one, custom_mutator=_mutator)
    atheris.Fuzz()


def main() -> None:
    """Fuzz with libFuzzer's options from the command line; a folder named there keeps what it finds."""
    fuzz_in_folder(_fuzz)


if __name__ == "__main__":
    main()

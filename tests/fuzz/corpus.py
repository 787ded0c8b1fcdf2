"""A corpus of damaged files, the same for the same seed.

`python -m tests.fuzz.corpus FOLDER` writes it.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.files import well_formed_files
from tests.fuzz.mutations import mutate

COUNT, SEED = 5000, 4


def damaged_files(count: int = COUNT, seed: int = SEED) -> Iterator[tuple[str, bytes]]:
    """That many files, each with a name of its own; every kind of file has its turn."""
    files = well_formed_files()
    kinds, others = list(files.items()), list(files.values())
    for number in range(count):
        kind, data = kinds[number % len(kinds)]
        rng = random.Random(f"{seed} {number}")  # noqa: S311 - to be repeatable
        yield f"{number:05d}-{kind}", mutate(rng, data, others)


def main() -> None:
    """Write the corpus into a folder."""
    parser = argparse.ArgumentParser(description="Write a corpus of damaged files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for name, data in damaged_files(wanted.count, wanted.seed):
        (wanted.folder / name).write_bytes(data)


if __name__ == "__main__":
    main()

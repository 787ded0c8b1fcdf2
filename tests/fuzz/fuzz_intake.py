"""Coverage-guided fuzzing of the intake with atheris: `make fuzz`.

libFuzzer chooses the bytes from which Hypothesis puts together what happens to an inbox (`test_intake.py`),
and keeps what reaches new lines of the intake, the store or the recording of arrivals. It stops at the first
sequence after which a file is lost, doubled or altered, and leaves it as `crash-*`.
"""

import random
import sys
import tempfile
from pathlib import Path

import atheris
from hypothesis.stateful import get_state_machine_test

with atheris.instrument_imports(include=["scheduler", "core.store", "db.arrivals"]):
    from tests.fuzz.test_intake import PLAN, on_a_copy_of

from db.engine import make_engine
from db.migrate import migrate

# Bytes of a sequence of some forty moves, and of how many it begins with.
_LONGEST, _SEEDS = 4096, 32


def main() -> None:
    """Fuzz with libFuzzer's options from the command line; a folder named there keeps what it finds."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "headct.db"
        engine = make_engine(f"sqlite:///{database}")
        migrate(engine)
        engine.dispose()
        machine = get_state_machine_test(on_a_copy_of(database), settings=PLAN)
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for seed in range(_SEEDS):
            (seeds / f"{seed}").write_bytes(random.Random(seed).randbytes(_LONGEST))  # noqa: S311 - to be repeatable
        options = [f"-max_len={_LONGEST}", "-len_control=0", str(seeds)]
        atheris.Setup([*sys.argv, *options], machine.hypothesis.fuzz_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

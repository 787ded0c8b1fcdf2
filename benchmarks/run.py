"""`make bench`: measure everything, print a table, write `latest.json` beside this file.

Ends with 0 whenever it could measure: it says what is, a test would say what must be.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.measurements import LETTERS, Bench, measure
from benchmarks.report import print_figures
from core.cores import usable_cores

_LATEST = Path(__file__).with_name("latest.json")
_ROUNDS = 5
_FILE_WIDTH = 100


def main() -> None:
    """Run the measurements that were asked for; `latest.json` is only written when all were."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--only", default=LETTERS, metavar="LETTERS", help="for example `ab`; default: all")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="of (a); the medians count")
    parser.add_argument(
        "--images",
        type=Path,
        help="folder of PNGs to measure with; docs/benchmarks.md says the default",
    )
    arguments = parser.parse_args()
    wanted = set(arguments.only)
    if unknown := wanted - set(LETTERS):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}; there are {LETTERS}")
    os.umask(0o077)  # as the commands of headct, which refuse a home that others may read
    # A file has no width of its own; Rich would take 80 columns.
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    load = os.getloadavg()[0]
    if load > 0.5:
        console.print(f"The machine is busy (load {load:.1f}): the figures will be worse than the system.")
    with tempfile.TemporaryDirectory(prefix="headct-bench-") as folder:
        figures = measure(Bench(console, Path(folder), arguments.rounds, arguments.images), wanted)
    print_figures(console, figures)
    if wanted == set(LETTERS):
        extra = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {usable_cores()} cores, Python {platform.python_version()}",
        }
        _LATEST.write_text(json.dumps(figures | extra, indent=1) + "\n")
        console.print(f"Written to {_LATEST.parent.name}/{_LATEST.name}.")


if __name__ == "__main__":
    main()

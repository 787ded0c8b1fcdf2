"""`headct up` as a process: how it starts, refuses, mends itself and stops."""

import re
import shutil
import socket
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from cli.main import main
from core.home import Home
from db.engine import make_engine
from db.migrate import migrate
from db.promotions import promote
from db.states import Cause
from models.store import ModelStore, shipped_model
from tests.faults.system import poisoned_interpreter, running_system
from tests.processes import run_headct
from tests.release_0_1 import VERSION, copy_home
from tests.site_models import register_copy

SHIPPED = shipped_model().card.version


class Refusals:
    """Runs commands that do not start, in this process: each would take two seconds to do so in its own."""

    def __init__(
        self, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._patch, self._capsys = monkeypatch, capsys
        monkeypatch.setenv("HEADCT_HOME", str(home.root))
        for variable in ("HEADCT_FLOWER_PORT", "HEADCT_METRICS_PORT", "HEADCT_WEB_PORT"):
            monkeypatch.setenv(variable, "0")
        # What is not refused would take the place of the tests, or go on until it is stopped.
        for started in ("os.execv", "worker.service.run_worker", "scheduler.service.run_scheduler"):
            monkeypatch.setattr(started, self._started)

    def of(self, *arguments: str, **environment: str) -> str:
        """What the command says; it ends with 1."""
        for name, value in environment.items():
            self._patch.setenv(name, value)
        self._patch.setattr("sys.argv", ["headct", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        said = self._capsys.readouterr()
        return said.out + said.err

    @staticmethod
    def _started(*_: object) -> None:
        raise AssertionError("it starts")


@pytest.fixture
def refusals(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], process_kept: None
) -> Refusals:
    return Refusals(home, monkeypatch, capsys)


@pytest.mark.parametrize("variable", ["HEADCT_WEB_PORT", "HEADCT_FLOWER_PORT"])
def test_a_taken_port_is_told(refusals: Refusals, variable: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        told = refusals.of("up", **{variable: port})
    assert re.search(rf"127\.0\.0\.1:{port}.*{variable}", told)


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("HEADCT_DATABASE_URL", "postgresql://user:hunter2@127.0.0.1:1/headct"),
        ("HEADCT_BROKER_URL", "redis://:hunter2@127.0.0.1:1/0"),
    ],
)
def test_an_unreachable_server_is_told_at_the_start(refusals: Refusals, variable: str, url: str) -> None:
    told = refusals.of("up", **{variable: url})
    assert variable in told
    assert "hunter2" not in told


def test_a_newer_database_is_told_at_the_start(home: Home, sqlite_url: str, refusals: Refusals) -> None:
    engine = make_engine(sqlite_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    home.database.chmod(0o600)
    for command in ("up", "watch", "results"):
        told = refusals.of(command)
        assert "9999" in told
        assert "newer" in told


def test_a_missing_inbox_is_told_at_the_start_and_not_made_anew(home: Home, refusals: Refusals) -> None:
    home.inbox.rmdir()
    told = refusals.of("up")
    assert str(home.inbox) in told
    assert "does not exist" in told
    assert not home.inbox.exists()


@pytest.fixture
def site_model(home: Home) -> Path:
    """A version of this site is in use; its folder."""
    register_copy(ModelStore(home.models), "site-1")
    engine = make_engine(f"sqlite:///{home.database}")
    migrate(engine)
    with Session(engine) as session, session.begin():
        promote(session, "site-1", cause=Cause.PERSON, decided_by="ann", evidence=None)
    engine.dispose()
    home.database.chmod(0o600)
    return home.models / "site-1"


@pytest.mark.parametrize(
    ("damage", "told"),
    [("alter", "SHA-256 differs"), ("remove", "Gone: the"), ("discard", f"There are: {SHIPPED}")],
)
def test_a_broken_version_in_use_is_told_at_the_start(
    site_model: Path, refusals: Refusals, damage: str, told: str
) -> None:
    graph = site_model / "model.onnx"
    if damage == "alter":
        graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    elif damage == "remove":
        graph.unlink()
    else:
        shutil.rmtree(site_model)
    for command in ("up", "worker"):
        said = refusals.of(command)
        assert told in said
        assert "headct models promote" in said


def test_a_home_of_release_0_1_is_classified_for_where_tensorflow_cannot_be_imported(
    tmp_path: Path, synthetic_images: Path
) -> None:
    """Its version in use gets no serving graph, so the one before classifies, and it is said what to do."""
    old, python = copy_home(tmp_path / "old"), poisoned_interpreter(tmp_path / "python", "tensorflow")
    image = min((synthetic_images / "images").iterdir()).read_bytes()
    with running_system(old, python=python) as system:
        system.drop(image, "new.png")
        system.wait_for("new.png")
        rows = system.rows()
        said = (old.logs / "up.out").read_text()
        doctor = run_headct(old, "doctor").stdout
    assert (rows["new.png"].state, rows["new.png"].model_version) == ("classified", SHIPPED)
    assert {row.model_version for name, row in rows.items() if name != "new.png"} == {VERSION, None}
    assert f"TensorFlow cannot be imported (no such library): {VERSION}. Install the extra" in said
    assert f"Until then {SHIPPED} classifies" in said
    assert f"BAD  model: Model {VERSION} has no serving graph" in doctor
    assert "headct models convert" in doctor


def test_wrong_settings_stop_the_start(refusals: Refusals) -> None:
    assert "HEADCT_CHUNK_SIZE=0 is not allowed" in refusals.of("up", HEADCT_CHUNK_SIZE="0")


def test_the_demo_shows_results_beside_the_truth(tmp_path: Path) -> None:
    shown = run_headct(Home(tmp_path / "unused"), "demo")
    assert shown.returncode == 0, shown.stderr
    assert len(re.findall(r"(?:normal|hemorrhage|uncertain) +[01]\.\d+ +classified", shown.stdout)) == 24
    for expected in ("images/s", "http://127.0.0.1:", "headct results", "as labelled"):
        assert expected in shown.stdout
    assert not (tmp_path / "unused").exists()


def test_a_demo_of_a_folder_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused = run_headct(Home(tmp_path / "unused"), "demo", "--images", str(tmp_path / "empty"))
    assert refused.returncode == 1
    assert "There is no image in" in refused.stderr

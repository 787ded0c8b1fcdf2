"""The weights in use are damaged while the system runs."""

from sqlalchemy.orm import Session

from db.promotions import promote
from db.states import Cause
from models.store import ModelStore, shipped_model
from tests.faults.system import System
from tests.faults.trials import Plan, Trials
from tests.processes import wait_until
from tests.site_models import register_copy
from worker.served_model import LOADED


def put_into_use(system: System, version: str | None) -> None:
    with Session(system.engine) as session, session.begin():
        promote(session, version, cause=Cause.PERSON, decided_by="ann", evidence=None)


def test_children_beside_damaged_weights_serve_the_version_before(
    system: System, trials: Trials, plan: Plan
) -> None:
    shipped, children = shipped_model(), 2 if plan.full else 1
    wait_until(lambda: len(system.children("worker")) == children, what="all children have started")
    for trial in trials.of("damaged weights, SIGKILL of the classify children", system, within_s=60, full=5):
        version = f"site-{trial.number}"
        refused = f"model {version} is refused"

        def are_serving() -> bool:
            """Whether every child has loaded the version since it was last refused."""
            lines = (system.home.logs / "worker.log").read_text().rsplit(refused, 1)[-1].splitlines()  # noqa: B023 - called at once
            return sum(LOADED in line and version in line for line in lines) >= children  # noqa: B023

        stored = register_copy(ModelStore(system.home.models), version)
        put_into_use(system, version)
        wait_until(are_serving, what="every child serves it")
        (before,) = trial.drop()
        system.wait_for(before)
        whole = stored.graph_path.read_bytes()
        stored.graph_path.write_bytes(whole[:-1] + b"?")
        system.kill_children("worker")
        trial.over()
        (after,) = trial.drop()
        system.wait_for(after)
        rows = system.rows()
        assert rows[before].model_version == version
        assert rows[after].model_version == shipped.card.version
        stored.graph_path.write_bytes(whole)
        wait_until(are_serving, what="every child serves it again")
        put_into_use(system, None)

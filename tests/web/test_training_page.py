"""The pages and the interface of training runs; the fit itself is seen in `test_models_page`."""

import httpx
import pytest
from sqlalchemy.orm import Session

from core.errors import RunNotFound
from db.audit import AuditFilter
from db.training_runs import claim_run, record_epoch
from services import training
from services.audit import entries
from services.context import Context
from tests.labelled import balanced, fill
from worker.training_run import RUN_LEASE

API = "/api/v1/training-runs"


@pytest.fixture
def images(context: Context) -> None:
    """Images to train on."""
    fill(context.engine, context.home, balanced())


def start(client: httpx.Client, **form: str) -> httpx.Response:
    return client.post("/training", data={"epochs": "", "seed": "1", "promote": "auto", **form})


def begin(context: Context, epochs: int = 0) -> None:
    """Let a trainer hold run 1, and do so many epochs of it."""
    with Session(context.engine) as session, session.begin():
        claim_run(session, 1, "one", RUN_LEASE)
        for number in range(1, epochs + 1):
            epoch = {"number": number, "of": 50, "loss": 0.5, "validation_loss": 0.6, "validation_auc": 0.9}
            record_epoch(session, 1, "one", epoch)


@pytest.mark.usefixtures("images")
def test_an_admin_starts_a_run_and_cancels_it(root: httpx.Client, context: Context) -> None:
    answer = start(root, epochs="3", seed="7", promote="never")
    assert (answer.status_code, answer.headers["location"]) == (303, "/training/1")
    run, _ = training.look_up(context, 1)
    assert (run.epochs, run.seed, run.promote, run.requested_by) == (3, 7, False, "root")
    assert "Cancel the run" in root.get("/training/1").text
    assert "is not over yet" in root.get("/training").text
    assert root.post("/training/1/cancel").status_code == 303
    assert "Cancelled before it began." in root.get("/training/1").text
    again = root.post("/training/1/cancel")
    assert again.status_code == 409
    assert "has ended already (cancelled)" in again.text
    actions = [one.action for one in entries(context, AuditFilter(account="root", subject="run 1"))]
    assert actions == ["cancel training", "start training"]


def test_without_images_a_run_is_refused_with_the_reason(root: httpx.Client) -> None:
    answer = start(root)
    assert answer.status_code == 409
    assert "headct dataset import DIR" in answer.text
    assert root.post(API, json={}).json()["code"] == "dataset_error"


@pytest.mark.usefixtures("images")
def test_a_second_run_is_refused_while_one_is_not_over(root: httpx.Client) -> None:
    start(root)
    answer = start(root)
    assert answer.status_code == 409
    assert "Training run 1 is not over yet." in answer.text
    problem = root.post(API, json={})
    assert (problem.status_code, problem.json()["code"]) == (409, "run_under_way")


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("form", [{"epochs": "0"}, {"epochs": "²"}, {"seed": "-1"}, {"seed": ""}])
def test_numbers_that_are_none_are_refused(root: httpx.Client, form: dict[str, str]) -> None:
    answer = start(root, **form)
    assert answer.status_code == 422
    assert "Epochs are 1 to" in answer.text


@pytest.mark.usefixtures("images")
def test_without_tensorflow_it_is_said_that_a_run_waits(
    root: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.extras._TRAINS", ("no_such_package",))
    assert "waits for a training worker elsewhere" in root.get("/training").text
    assert start(root).status_code == 303
    assert "a training worker elsewhere does it" in root.get("/training/1").text


@pytest.mark.usefixtures("images")
def test_a_reader_follows_a_run_and_changes_none(
    ann: httpx.Client, root: httpx.Client, context: Context
) -> None:
    start(root)
    begin(context, epochs=3)
    shown = ann.get("/training/1").text
    assert "3 of 50" in shown
    assert "Cancel the run" not in shown
    assert "Start a run" not in ann.get("/training").text
    assert ann.post("/training/1/cancel").status_code == 403
    told = ann.get(f"{API}/1").json()
    assert (told["stage"], told["last_epoch"]["number"], told["is_over"]) == ("trains", 3, False)
    assert told["seconds_left"] >= 0


@pytest.mark.usefixtures("images")
def test_programs_start_list_and_cancel_runs(root: httpx.Client) -> None:
    made = root.post(API, json={"epochs": 2, "promote": False})
    assert made.status_code == 201
    assert (made.json()["epochs"], made.json()["promote"], made.json()["stage"]) == (2, False, "waits")
    assert [run["id"] for run in root.get(API).json()["runs"]] == [1]
    assert root.post(f"{API}/1/cancel").json()["state"] == "cancelled"
    assert root.post(f"{API}/1/cancel").json()["code"] == "run_is_over"
    assert root.post(API, json={"epochs": 0}).status_code == 422
    assert root.post(API, json={"epoch": 1}).status_code == 422


def test_a_run_that_is_not_there_is_said(root: httpx.Client, context: Context) -> None:
    for path in ("/training/7", "/training/7/report"):
        assert root.get(path).status_code == 404
    assert root.get(f"{API}/7").json()["code"] == "run_not_found"
    assert root.post(f"{API}/7/cancel").status_code == 404
    with pytest.raises(RunNotFound):
        training.report(context, 7)


@pytest.mark.usefixtures("images")
def test_a_report_is_locked_in_and_only_that_of_the_run(root: httpx.Client, context: Context) -> None:
    start(root)
    assert root.get("/training/1/report").status_code == 404
    folder = context.home.report(1)
    folder.mkdir()
    page = folder / "report.html"
    page.write_text("<h1>Model one</h1><script>alert(1)</script>")
    answer = root.get("/training/1/report")
    assert "Model one" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    for path in (
        "/training/1/report/../../../headct.db",
        "/training/..%2F1/report",
        "/training/1/report.json",
    ):
        assert root.get(path).status_code == 404
    page.unlink()
    page.symlink_to(context.home.database)
    assert root.get("/training/1/report").status_code == 404

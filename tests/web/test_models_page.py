"""The pages of models: seen, compared, promoted and rolled back; and in a browser, trained before."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from db.audit import AuditFilter
from db.promotions import promote
from db.readings import record_study_reading
from db.states import Cause
from models.store import ModelStore, shipped_model
from services import dataset, models
from services.audit import entries
from services.context import Context
from tests.browsing import sign_in
from tests.labelled import balanced, fill
from tests.site_models import register_copy
from tests.web.reading_room import PASSWORD, Served, add_study, served

SHIPPED = shipped_model().card.version
_TRAINER = """
from services.context import open_home
from worker.training_run import Trainer, run_training
home = open_home()
run_training(Trainer(home.engine, 1, lambda: None), home.settings, home.home)
"""


@pytest.fixture
def store(context: Context) -> ModelStore:
    """Two versions beside the shipped one."""
    made = ModelStore(context.home.models)
    for name in ("site-1", "site-2"):
        register_copy(made, name)
    return made


def change(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    return client.post(f"/models/{path}", data={"reason": "fewer misses", **form})


def in_use(context: Context) -> str:
    return models.known_versions(context)[1]


def test_versions_are_shown_with_figures_and_which_is_in_use(ann: httpx.Client, store: ModelStore) -> None:
    (store.directory / "site-2" / "model.json").write_text("{")
    shown = ann.get("/models").text
    assert f"{shipped_model().card.metrics['auc']:.3f}" in shown
    assert "in use" in shown
    assert "damaged" in shown
    assert "Promote" not in shown
    told = ann.get("/api/v1/models").json()
    assert [one["version"] for one in told["models"]] == [SHIPPED, "site-1", "site-2"]
    assert [one["in_use"] for one in told["models"]] == [True, False, False]
    assert "cannot be read" in told["models"][2]["problem"]


@pytest.mark.usefixtures("store")
def test_two_versions_are_compared(ann: httpx.Client, store: ModelStore) -> None:
    shown = ann.get(f"/models/compare?a=site-1&b={SHIPPED}").text
    assert "majority accuracy" in shown
    register_copy(store, "site-3", replace(shipped_model().card, data_fingerprint="f" * 64))
    assert "the figures are not comparable" in ann.get("/models/compare?a=site-1&b=site-3").text
    gone = ann.get("/models/compare?a=site-1&b=gone")
    assert gone.status_code == 404
    assert "There is no model version" in gone.text
    assert ann.get("/models/compare?a=site-1&b=../../secrets").status_code == 404
    assert ann.get("/models/compare?a=site-1").status_code == 400


@pytest.mark.usefixtures("store")
def test_a_promotion_is_asked_and_needs_a_reason(root: httpx.Client, context: Context) -> None:
    assert f"instead of <strong>{SHIPPED}</strong>" in root.get("/models/promote?version=site-1").text
    for reason in ("", "  \n", "x" * 1001):
        answer = change(root, "promote", version="site-1", instead_of=SHIPPED, reason=reason)
        assert answer.status_code == 422
        assert "Write a reason" in answer.text
    assert in_use(context) == SHIPPED
    assert change(root, "promote", version="site-1", instead_of=SHIPPED).status_code == 303
    assert in_use(context) == "site-1"
    assert "person: fewer misses" in root.get("/models?changed=1").text
    assert "is in use already" in root.get("/models/promote?version=site-1").text
    assert change(root, "rollback", instead_of="site-1", reason="<i>slow</i>").status_code == 303
    assert in_use(context) == SHIPPED
    shown = root.get("/models").text
    assert "<i>slow" not in shown
    assert "rollback: &lt;i&gt;slow" in shown
    told = [(one.action, one.subject, one.detail) for one in entries(context, AuditFilter(account="root"))]
    assert told[:2] == [
        ("roll back", f"model {SHIPPED}", "<i>slow</i>"),
        ("promote", "model site-1", "fewer misses"),
    ]


@pytest.mark.usefixtures("store")
def test_what_was_decided_on_an_old_page_changes_nothing(root: httpx.Client, context: Context) -> None:
    change(root, "promote", version="site-2", instead_of=SHIPPED)
    for path in ("promote", "rollback"):
        answer = change(root, path, version="site-1", instead_of=SHIPPED)
        assert answer.status_code == 409
        assert "Meanwhile site-2 came into use" in answer.text
    assert in_use(context) == "site-2"


def test_what_cannot_be_put_into_use_is_refused(root: httpx.Client, store: ModelStore) -> None:
    store.find("site-1").graph_path.write_bytes(b"altered")
    answer = change(root, "promote", version="site-1", instead_of=SHIPPED)
    assert answer.status_code == 409
    assert "SHA-256 differs" in answer.text
    assert change(root, "promote", version="gone", instead_of=SHIPPED).status_code == 404
    assert root.get("/models/promote?version=gone").status_code == 404
    nothing = root.get("/models/rollback")
    assert nothing.status_code == 409
    assert "nothing to roll back to" in nothing.text


def test_that_the_version_in_use_is_gone_is_said_and_another_one_can_come(
    root: httpx.Client, context: Context, store: ModelStore
) -> None:
    with Session(context.engine) as session, session.begin():
        promote(session, "lost-1", cause=Cause.PERSON, decided_by="a person", evidence=None)
    assert "lost-1, is gone or damaged" in root.get("/models").text
    assert root.get("/quality").status_code == 200
    assert "nothing to compare with" in root.get("/models/promote?version=site-1").text
    assert change(root, "promote", version="site-1", instead_of="lost-1").status_code == 303
    assert in_use(context) == "site-1"


@pytest.mark.usefixtures("store")
def test_below_a_prefix_every_link_and_form_has_it(context: Context) -> None:
    settings = msgspec.structs.replace(context.settings, web_prefix="/ct")
    fill(context.engine, context.home, balanced())
    with (
        served(replace(context, settings=settings)) as room,
        replace(room, address=f"{room.address}/ct").client("root") as root,
    ):
        changed = change(root, "promote", version="site-1", instead_of=SHIPPED)
        assert changed.headers["location"] == "/ct/models?changed=1"
        assert root.post("/training", data={"seed": "1"}).headers["location"] == "/ct/training/1"
        for path in ("quality", "models", "models/promote?version=site-2", "models/rollback", "training/1"):
            page = root.get(f"/{path}")
            assert page.status_code == 200
            links = re.findall(r'(?:href|src|action|data-\w+)="(/[^"]*)"', page.text)
            assert len(links) > 8
            assert all(link.startswith("/ct/") for link in links)


@pytest.fixture
def admin_tab(browser: Browser, room: Served) -> Iterator[Page]:
    """A tab in which root has signed in."""
    context = browser.new_context(base_url=room.address)
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, "root", PASSWORD)
    yield page
    context.close()
    assert not errors


def check_accessible(page: Page) -> None:
    """axe-core finds no serious fault."""
    found = Axe().run(page).response["violations"]
    serious = [(one["id"], one["help"]) for one in found if one["impact"] in {"serious", "critical"}]
    assert not serious, (page.url, serious)


def test_a_run_is_started_and_followed_and_its_version_promoted_and_taken_back(
    admin_tab: Page, tab: Page, context: Context, synthetic_images: Path, tmp_path: Path
) -> None:
    examined = dataset.examine(context, synthetic_images, lambda *_: None)
    dataset.add(context, synthetic_images, examined.images)
    page = admin_tab
    page.get_by_role("link", name="Training").click()
    check_accessible(page)
    page.get_by_label("Epochs").fill("2")
    page.get_by_label("The new version is put into use").select_option("never")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#stage")).to_have_text("waits")
    check_accessible(page)
    tab.goto("/training/1")
    expect(tab.get_by_role("button", name="Cancel")).to_have_count(0)
    environment = {"HEADCT_HOME": str(context.home.root), "PYTHONPATH": str(Path(__file__).parents[2])}
    trainer = subprocess.Popen([sys.executable, "-c", _TRAINER], env=environment, cwd=tmp_path)
    expect(page.locator("#epoch")).to_have_text("2 of 2", timeout=90_000)
    expect(tab.locator("#state")).to_have_text("succeeded", timeout=90_000)  # it loads the page again
    assert trainer.wait(30) == 0
    expect(page.get_by_role("heading", name="On the test split")).to_be_visible()
    check_accessible(page)
    page.get_by_role("link", name="Open it").click()
    expect(page.get_by_role("heading", name="On the test images")).to_be_visible()
    assert page.locator("img").first.evaluate("(image) => image.naturalWidth") > 0
    assert page.evaluate("origin") == "null"

    page.goto("/models")
    version = models.versions(context)[0][-1].version
    check_accessible(page)
    page.get_by_role("link", name=f"Compare {version}").click()
    check_accessible(page)
    page.goto("/models")
    page.get_by_role("link", name=f"Promote {version}").click()
    check_accessible(page)
    page.get_by_label("Reason").fill("it was trained here")
    page.get_by_role("button", name=f"Promote {version}").click()
    expect(page.get_by_role("status")).to_contain_text(f"{version} is in use now")
    page.get_by_role("link", name="Roll back").click()
    page.get_by_label("Reason").fill("only a trial")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("status")).to_contain_text(f"{SHIPPED} is in use now")
    expect(page.get_by_text("rollback: only a trial")).to_be_visible()

    tab.goto("/models")
    expect(tab.get_by_role("link", name="Promote")).to_have_count(0)
    refused = tab.goto(f"/models/promote?version={version}")
    assert refused is not None
    assert refused.status == 403
    expect(tab.get_by_text("This needs the role admin.")).to_be_visible()


def test_a_disagreement_is_seen_in_the_page_of_quality(tab: Page, context: Context) -> None:
    study_id = add_study(context, "1.2.3", [b"one", b"two"], probability=0.93, accession_number="A17")
    with Session(context.engine) as session, session.begin():
        for reader, label in (("bob", "hemorrhage"), ("ann", "normal")):
            record_study_reading(session, study_id, label, reader, None)
    tab.get_by_role("link", name="Quality").click()
    expect(tab.get_by_text("0 of 1")).to_be_visible()
    conflict = tab.get_by_role("region", name="Where two readers disagree").get_by_role("row").nth(1)
    expect(conflict.get_by_role("link", name="A17")).to_have_attribute("href", f"/studies/{study_id}")
    expect(conflict).to_contain_text("bob")
    check_accessible(tab)
    for scheme in ("dark", "light"):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        check_accessible(tab)

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.models import models
from core.errors import AnotherInUse, HeadctError, ModelAltered, ModelError, ModelNotFound, NothingToRollBack
from core.home import Home
from db.promotions import promote, version_in_use
from db.states import Cause
from db.tables import Audit
from models.store import ModelStore, shipped_model
from services import models as service
from services.audit import Who
from services.context import Context, open_migrated
from tests.site_models import register_copy

CARD = shipped_model().card
SHIPPED = CARD.version


def figure(name: str) -> str:
    return f"{CARD.metrics[name]:.3f}"


@pytest.fixture(autouse=True)
def store(home_in_use: Home) -> ModelStore:
    """Two versions beside the shipped one."""
    made = ModelStore(home_in_use.models)
    for number in (1, 2):
        add(made, f"site-{number}", created_at=f"2026-11-26T10:00:0{number}+00:00")
    return made


@pytest.fixture
def context(home_in_use: Home) -> Context:
    return open_migrated()


def add(store: ModelStore, version: str, **facts: Any) -> None:  # noqa: ANN401 - fields of the card
    """The shipped weights under another name, with other facts on the card."""
    register_copy(store, version, replace(shipped_model().card, **facts))


def run(*arguments: str) -> str:
    """What `headct models ARGUMENTS` prints; raises what it would show as an error."""
    result = CliRunner().invoke(models, list(arguments))
    if isinstance(result.exception, HeadctError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def in_use(engine: Engine) -> str | None:
    with Session(engine) as session:
        return version_in_use(session)


def test_the_list_marks_the_version_in_use_and_tells_its_figures(sqlite_engine: Engine) -> None:
    lines = [line.split() for line in run("list").splitlines()]
    assert lines[1][:5] == ["*", SHIPPED, CARD.created_at[:19], figure("auc"), figure("accuracy")]
    run("promote", "site-2")
    lines = [line.split() for line in run("list").splitlines()]
    assert [line[0] for line in lines[1:4]] == [SHIPPED, "site-1", "*"]


def test_the_list_survives_a_damaged_card_and_a_card_without_figures(store: ModelStore) -> None:
    add(store, "site-3", metrics={})
    (store.directory / "site-1" / "model.json").write_text("{")
    shown = run("list")
    assert ["site-1", "damaged"] in [line.split() for line in shown.splitlines()]
    assert "Restore it" in shown
    assert "site-3" in shown


def test_a_promotion_is_recorded_with_who_and_when(sqlite_engine: Engine) -> None:
    assert f"site-1 is in use instead of {SHIPPED}" in run("promote", "site-1", "--by", "ann")
    assert in_use(sqlite_engine) == "site-1"
    (line,) = run("history").splitlines()[1:]
    assert line.split()[2:] == ["site-1", SHIPPED, "(shipped)", "ann", "person"]


def test_a_reason_is_kept_and_shown_and_stands_in_the_audit(sqlite_engine: Engine) -> None:
    run("promote", "site-1", "--by", "ann", "--reason", "fewer misses")
    run("rollback", "--by", "bob", "--reason", "too slow")
    shown = run("history")
    assert "person: fewer misses" in shown
    assert "rollback: too slow" in shown
    with Session(sqlite_engine) as session:
        entries = [(one.account, one.action, one.subject, one.detail) for one in session.query(Audit)]
    assert entries == [
        ("ann", "promote", "model site-1", "fewer misses"),
        ("bob", "roll back", f"model {SHIPPED}", "too slow"),
    ]


def test_who_saw_another_version_in_use_changes_nothing(context: Context) -> None:
    run("promote", "site-1")
    for change in (
        lambda: service.promote(context, "site-2", Who("ann"), "r", instead_of=SHIPPED),
        lambda: service.rollback(context, Who("ann"), "r", instead_of=SHIPPED),
    ):
        with pytest.raises(AnotherInUse, match="site-1 came into use"):
            change()
    assert service.before(context) == SHIPPED


def test_the_history_fits_80_columns_in_a_line_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    run("promote", "site-1", "--by", "ann")
    run("promote", SHIPPED, "--by", "dr.radiology")
    monkeypatch.setattr("cli.printing.width", lambda: 80)
    heading, *lines = run("history").splitlines()
    assert heading.endswith("why")
    assert [line.endswith("person") for line in lines] == [True, True]
    assert f"{SHIPPED} (shipped)" in lines[0]


def test_promoting_the_version_in_use_says_so_and_records_nothing() -> None:
    assert "in use already" in run("promote", SHIPPED)
    assert "No change yet" in run("history")


def test_the_shipped_version_is_recorded_as_such_so_that_an_upgrade_finds_it(sqlite_engine: Engine) -> None:
    run("promote", "site-1")
    assert f"{SHIPPED} is in use instead of site-1" in run("promote", SHIPPED)
    assert in_use(sqlite_engine) is None


def test_an_unknown_version_is_refused_and_those_there_are_named() -> None:
    with pytest.raises(ModelNotFound, match=f"{SHIPPED}, site-1, site-2"):
        run("promote", "site-3")


@pytest.mark.parametrize("damage", ["altered", "missing", "card"])
def test_a_broken_version_is_refused_and_the_one_in_use_stays(
    sqlite_engine: Engine, store: ModelStore, damage: str
) -> None:
    run("promote", "site-1")
    weights = store.find("site-2").weights_path
    if damage == "altered":
        weights.write_bytes(b"altered")
    elif damage == "missing":
        weights.unlink()
    else:
        (weights.parent / "model.json").write_text("{")
    with pytest.raises(ModelError):
        run("promote", "site-2")
    assert in_use(sqlite_engine) == "site-1"


def test_rollbacks_go_back_one_by_one_until_there_is_nothing_to_go_back_to(sqlite_engine: Engine) -> None:
    run("promote", "site-1")
    run("promote", "site-2")
    assert "site-1 is in use instead of site-2" in run("rollback", "--by", "bob")
    assert f"{SHIPPED} is in use instead of site-1" in run("rollback")
    assert in_use(sqlite_engine) is None
    with pytest.raises(NothingToRollBack, match="nothing to roll back to"):
        run("rollback")
    assert "bob" in run("history")


def test_a_rollback_to_altered_weights_is_refused_and_nothing_recorded(
    sqlite_engine: Engine, store: ModelStore
) -> None:
    run("promote", "site-1")
    run("promote", "site-2")
    store.find("site-1").weights_path.write_bytes(b"altered")
    with pytest.raises(ModelAltered, match="SHA-256 differs"):
        run("rollback")
    assert in_use(sqlite_engine) == "site-2"


def test_a_version_that_the_gate_promoted_shows_the_gates_rule(sqlite_engine: Engine) -> None:
    with Session(sqlite_engine) as session, session.begin():
        promote(
            session, "site-1", cause=Cause.GATE, decided_by="training run 1", evidence={"rule": "Not worse."}
        )
    assert "training run 1  Not worse." in run("history")


def test_a_card_is_shown_of_any_version_by_default_of_that_in_use() -> None:
    assert json.loads(run("show"))["version"] == SHIPPED
    run("promote", "site-1")
    assert json.loads(run("show"))["version"] == "site-1"
    assert json.loads(run("show", SHIPPED))["version"] == SHIPPED


def test_two_versions_are_shown_side_by_side(store: ModelStore) -> None:
    shown = run("compare", SHIPPED, "site-1")
    for row in ("threshold", f"{figure('auc')} (", "majority accuracy", CARD.data_fingerprint[:12]):
        assert row in shown
    assert "not comparable" not in shown
    add(store, "site-3", data_fingerprint="f" * 64, metrics={"auc": 0.9, "counts": [1], "ppv": None})
    shown = run("compare", SHIPPED, "site-3")
    assert "the figures are not comparable" in shown
    assert "counts" not in shown


def test_a_comparison_tells_of_the_gate_that_measured_both_on_the_same_images(store: ModelStore) -> None:
    add(
        store,
        "site-3",
        data_fingerprint="f" * 64,
        gate={"incumbent": "site-1", "rule": "It is worse in auc."},
    )
    assert "When site-3 was made" in run("compare", "site-1", "site-3")
    assert "It is worse in auc." in run("compare", "site-3", "site-1")
    assert "When" not in run("compare", "site-2", "site-3")


def test_versions_measured_in_other_ways_are_told_apart(store: ModelStore) -> None:
    add(store, "site-3", protocol="one test split")
    assert "different protocols" in run("compare", SHIPPED, "site-3")

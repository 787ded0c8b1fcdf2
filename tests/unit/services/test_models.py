"""The version in use is changed with a reason, by who saw what it is, on both kinds of database."""

import pytest
from sqlalchemy import Engine

from core.errors import AnotherInUse, NothingToRollBack
from core.home import Home
from core.settings import Settings
from db.audit import AuditFilter
from models.store import ModelStore, shipped_model
from services import models
from services.audit import Who, entries
from services.context import Context
from tests.site_models import register_copy

SHIPPED = shipped_model().card.version
ANN = Who("ann", "10.0.0.1")


@pytest.fixture
def context(settings: Settings, home: Home, engine: Engine) -> Context:
    register_copy(ModelStore(home.models), "site-1")
    return Context(settings, home, engine)


def test_a_change_and_its_reason_are_recorded_together(context: Context) -> None:
    with pytest.raises(NothingToRollBack):
        models.before(context)
    assert models.promote(context, "site-1", ANN, "better", instead_of=SHIPPED) == ("site-1", SHIPPED)
    assert models.promote(context, "site-1", ANN, "again") == ("site-1", None)
    assert models.before(context) == SHIPPED
    assert models.rollback(context, ANN, "worse", instead_of="site-1") == (SHIPPED, "site-1")
    assert [models.why(one) for one in models.history(context)] == ["rollback: worse", "person: better"]
    told = [(one.action, one.subject, one.detail, one.address) for one in entries(context, AuditFilter())]
    assert told == [
        ("roll back", f"model {SHIPPED}", "worse", "10.0.0.1"),
        ("promote", "model site-1", "better", "10.0.0.1"),
    ]


def test_what_was_seen_in_use_and_is_no_more_changes_nothing(context: Context) -> None:
    models.promote(context, "site-1", ANN)
    with pytest.raises(AnotherInUse):
        models.promote(context, SHIPPED, ANN, instead_of=SHIPPED)
    with pytest.raises(AnotherInUse):
        models.rollback(context, ANN, instead_of=SHIPPED)
    assert len(models.history(context)) == len(entries(context, AuditFilter())) == 1

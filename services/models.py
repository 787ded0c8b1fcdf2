"""The model versions: which is in use, and the change to another."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy.orm import Session

from core.errors import AnotherInUse, GraphMissing, ModelError
from db.audit import add_entry
from db.engine import read_session
from db.promotions import (
    SHIPPED,
    lock_promotions,
    record_shipped,
    version_before,
    version_in_use,
    versions_to_go_back_to,
)
from db.promotions import history as promotions
from db.promotions import promote as put_into_use
from db.promotions import rollback as go_back
from db.states import Cause
from db.tables import Promotion
from models.card import ModelCard
from models.serving import check_servable
from models.store import DamagedModel, ModelStore, StoredModel, shipped_model
from services.audit import Who
from services.context import Context


def model_in_use(context: Context) -> StoredModel:
    """The version in use; that its weights are the registered ones is not checked.

    Raises
    ------
    ModelError
    """
    with read_session(context.engine) as session:
        version = version_in_use(session)
    return ModelStore(context.home.models).find(version)


def find_version(context: Context, version: str | None) -> StoredModel:
    """The version of that name, by default the one in use.

    Raises
    ------
    ModelError
    """
    return ModelStore(context.home.models).find(version) if version else model_in_use(context)


def versions(context: Context) -> tuple[Sequence[ModelCard | DamagedModel], str]:
    """All versions, and which of them is in use."""
    with read_session(context.engine) as session:
        in_use = version_in_use(session)
    return ModelStore(context.home.models).versions(), in_use or shipped_model().card.version


def known_versions(context: Context) -> tuple[list[str], str]:
    """The names of all versions, and of that in use, which may be gone."""
    found, in_use = versions(context)
    names = [one.version for one in found]
    return names if in_use in names else [*names, in_use], in_use


def history(context: Context) -> Sequence[Promotion]:
    """Which version was put into use when, the newest first."""
    with read_session(context.engine) as session:
        return promotions(session)


def check_can_classify(context: Context) -> str | None:
    """Whether workers can classify; returns what to say if not with the version in use.

    That is so for a version of release 0.1 that has no serving graph yet, and for no other: nothing is wrong
    with it, and the workers take the newest of the earlier versions that can be served.

    Raises
    ------
    ModelError
    """
    with read_session(context.engine) as session:
        in_use, *earlier = versions_to_go_back_to(session)
    store = ModelStore(context.home.models)
    try:
        check_servable(store.find(in_use))
    except GraphMissing as missing:
        for version in earlier:
            with suppress(ModelError):
                stored = store.find(version)
                check_servable(stored)
                return f"{missing} Until then {stored.card.version} classifies."
        raise
    return None


def record_shipped_version(context: Context) -> None:
    """Let the database know which version ships with this headct: the view `results` has to."""
    with Session(context.engine) as session, session.begin():
        record_shipped(session, shipped_model().card.version)


class Switch(NamedTuple):
    """The version in use, and the one that was until then; None where nothing changed."""

    version: str
    replaced: str | None


def promote(
    context: Context, version: str, who: Who, reason: str | None = None, *, instead_of: str | None = None
) -> Switch:
    """Put a version into use, decided by that person, which stands in the audit.

    Parameters
    ----------
    instead_of
        The version that the person saw in use; None where nobody looked.

    Raises
    ------
    ModelError
        There is no such version, or the workers could not serve it.
    AnotherInUse
    """
    stored = ModelStore(context.home.models).find(version)
    check_servable(stored)
    shipped = shipped_model().card.version
    with Session(context.engine) as session, session.begin():
        lock_promotions(session)
        _check_in_use(session, instead_of)
        promotion = put_into_use(
            session,
            None if stored.card.version == shipped else version,
            cause=Cause.PERSON,
            decided_by=who.account,
            evidence=_evidence(reason),
        )
        if promotion is None:
            return Switch(version, None)
        add_entry(session, who.account, "promote", f"model {version}", reason, who.address)
        return Switch(version, named(promotion.replaced_version))


def before(context: Context) -> str:
    """The version that a rollback would bring back.

    Raises
    ------
    NothingToRollBack
    """
    with read_session(context.engine) as session:
        return version_before(session) or shipped_model().card.version


def rollback(
    context: Context, who: Who, reason: str | None = None, *, instead_of: str | None = None
) -> Switch:
    """Go back to the version that was in use before, decided by that person; as `promote`.

    Raises
    ------
    NothingToRollBack, AnotherInUse
    ModelError
        The workers could not serve it; nothing is recorded then.
    """
    with Session(context.engine) as session, session.begin():
        lock_promotions(session)
        _check_in_use(session, instead_of)
        promotion = go_back(session, who.account, _evidence(reason))
        stored = ModelStore(context.home.models).find(version_in_use(session))
        check_servable(stored)
        add_entry(session, who.account, "roll back", f"model {stored.card.version}", reason, who.address)
        return Switch(stored.card.version, named(promotion.replaced_version))


def why(promotion: Promotion) -> str:
    """The gate's rule, or what a person gave as the reason."""
    evidence = promotion.evidence or {}
    if promotion.cause == Cause.GATE:
        return str(evidence.get("rule", ""))
    return ": ".join(filter(None, (promotion.cause, evidence.get("reason"))))


def _evidence(reason: str | None) -> dict[str, str] | None:
    return {"reason": reason} if reason else None


def _check_in_use(session: Session, version: str | None) -> None:
    in_use = version_in_use(session) or shipped_model().card.version
    if version is not None and in_use != version:
        raise AnotherInUse(f"Meanwhile {in_use} came into use instead of {version}. Nothing was changed.")


def named(recorded: str) -> str:
    """The name of a version as a promotion has it."""
    return shipped_model().card.version if recorded == SHIPPED else recorded

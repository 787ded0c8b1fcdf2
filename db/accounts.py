"""Accounts of the web page and their tokens. Each function takes a session; the caller commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, delete, exists, func, select, update
from sqlalchemy.orm import Session

from core.errors import AccountError, NoSuchAccount
from db.engine import now
from db.states import Role
from db.tables import Account, ApiToken, Audit


def any_account(session: Session) -> bool:
    """Whether there is an account."""
    return bool(session.scalar(select(exists().where(Account.id.is_not(None)))))


def account_named(session: Session, name: str) -> Account | None:
    """The account of that name; None where there is none."""
    return session.scalars(select(Account).where(Account.name == name)).one_or_none()


def find_account(session: Session, name: str) -> Account:
    """The account of that name.

    Raises
    ------
    NoSuchAccount
    """
    found = account_named(session, name)
    if found is None:
        raise NoSuchAccount(f"There is no account {name!r}.")
    return found


def add_account(session: Session, name: str, role: Role, password_hash: str | None) -> Account:
    """A new account.

    Raises
    ------
    AccountError
        There is one of that name.
    """
    if account_named(session, name):
        raise AccountError(f"There is an account {name!r} already: choose another name.")
    account = Account(name=name, role=role, password_hash=password_hash, generation=1, created_at=now())
    session.add(account)
    session.flush()
    return account


def list_accounts(session: Session) -> Sequence[Account]:
    """All accounts, by name."""
    return session.scalars(select(Account).order_by(Account.name)).all()


def end_sessions(session: Session, account_id: int) -> None:
    """Who is signed in by that account has to sign in again."""
    session.execute(update(Account).where(Account.id == account_id).values(generation=Account.generation + 1))


def add_token(session: Session, account_id: int, name: str, token_sha256: str) -> None:
    """A new token of an account.

    Raises
    ------
    AccountError
        It has one of that name.
    """
    if session.scalar(select(exists().where(ApiToken.account_id == account_id, ApiToken.name == name))):
        raise AccountError(f"There is a token {name!r} already: revoke it first, or choose another name.")
    session.add(ApiToken(account_id=account_id, name=name, token_sha256=token_sha256, created_at=now()))


def account_of_token(session: Session, token_sha256: str) -> Account | None:
    """Whose token has that hash."""
    return session.scalars(
        select(Account)
        .join(ApiToken, ApiToken.account_id == Account.id)
        .where(ApiToken.token_sha256 == token_sha256)
    ).one_or_none()


def list_tokens(session: Session, account_id: int) -> Sequence[ApiToken]:
    """The tokens of an account, by name."""
    return session.scalars(
        select(ApiToken).where(ApiToken.account_id == account_id).order_by(ApiToken.name)
    ).all()


def revoke_token(session: Session, account_id: int, name: str) -> None:
    """Take a token back.

    Raises
    ------
    NoSuchAccount
    """
    gone = session.scalars(
        delete(ApiToken)
        .where(ApiToken.account_id == account_id, ApiToken.name == name)
        .returning(ApiToken.id)
    ).all()
    if not gone:
        raise NoSuchAccount(f"There is no token {name!r}.")


def failures(
    session: Session, action: str, account: str, address: str, since: datetime
) -> Row[int, datetime]:
    """How often that action stands in the audit since then, by that name or address, and when last."""
    return session.execute(
        select(func.count(), func.max(Audit.at)).where(
            Audit.action == action, Audit.at >= since, (Audit.account == account) | (Audit.address == address)
        )
    ).one()

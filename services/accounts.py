"""Accounts of the web page: made, signed in by, changed. Each change stands in the audit."""

import functools
import hashlib
import re
import secrets
import threading
from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from core.errors import AccountError, PasswordTooWeak, SignInRefused, SignInSlowed
from core.home import Home
from core.secret import kept_secret
from db import accounts as table
from db.audit import add_entry
from db.engine import now, read_session
from db.states import Role
from db.tables import Account, ApiToken
from services.audit import Who
from services.context import Context

# OWASP's Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_ONE_AT_A_TIME = threading.Lock()
"""So that many who sign in at once take the memory of one."""
_PROVING = threading.Lock()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_SHORTEST, _LONGEST = 12, 256
_PATIENCE, _FREE, _SLOWEST_S = timedelta(minutes=15), 3, 60
REFUSED = "sign-in refused"
_FIRST = "admin_password"


class Caller(NamedTuple):
    """Somebody who has signed in, or a program with a token of theirs."""

    account_id: int
    name: str
    role: Role
    generation: int

    def may(self, role: Role) -> bool:
        """Whether what that role may do is allowed."""
        return role in (self.role, Role.READER)


def sign_in(context: Context, name: str, password: str, address: str) -> Caller:
    """Who has that name and password.

    After some failures by that name or from that address each further one makes both wait, up to a minute.

    Raises
    ------
    SignInRefused, SignInSlowed
    """
    return _caller(_proved(context, name, password, address, "sign in"))


def signed_in(context: Context, account_id: int, generation: int) -> Caller | None:
    """Whom a session is of; None if it has ended meanwhile."""
    with read_session(context.engine) as session:
        account = session.get(Account, account_id)
    if account is None or account.disabled or account.generation != generation:
        return None
    return _caller(account)


def named_by_proxy(context: Context, name: str) -> Caller | None:
    """Who has signed in at a proxy; None where there is no such account."""
    with read_session(context.engine) as session:
        account = table.account_named(session, name)
    return None if account is None or account.disabled else _caller(account)


def of_token(context: Context, token: str) -> Caller | None:
    """Whose token that is; None if nobody's."""
    with read_session(context.engine) as session:
        account = table.account_of_token(session, _sha256(token))
    return None if account is None or account.disabled else _caller(account)


def add(context: Context, who: Who, name: str, role: Role, password: str | None) -> None:
    """Make an account; without a password only a proxy can sign in by it.

    Raises
    ------
    AccountError
    """
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"{name!a} cannot be the name of an account: letters, digits and . _ @ - are allowed, at most 64."
        )
    hashed = None if password is None else _hash(name, password)
    with Session(context.engine) as session, session.begin():
        table.add_account(session, name, role, hashed)
        add_entry(session, who.account, "add account", f"account {name}", role, who.address)


def make_first_admin(context: Context) -> None:
    """Make the account `admin` where there is none at all, with a password that is kept in the home."""
    with Session(context.engine) as session, session.begin():
        if not table.any_account(session):
            password = kept_secret(context.home, _FIRST)
            table.add_account(session, "admin", Role.ADMIN, _hash("admin", password))
            add_entry(session, "", "add account", "account admin", Role.ADMIN)


def first_password(home: Home) -> Path:
    """Where the first admin's password is kept until it is changed."""
    return home.secrets / _FIRST


def list_all(context: Context) -> Sequence[Account]:
    """All accounts, by name."""
    with read_session(context.engine) as session:
        return table.list_accounts(session)


def set_disabled(context: Context, who: Who, name: str, *, disabled: bool) -> None:
    """Disable an account, which ends its sessions and stops its tokens; or enable it again.

    Raises
    ------
    AccountError
        There is none of that name, or no other admin is left.
    """
    with Session(context.engine) as session, session.begin():
        account = table.find_account(session, name)
        others = [one for one in table.list_accounts(session) if one.name != name and not one.disabled]
        if disabled and account.role == Role.ADMIN and all(one.role != Role.ADMIN for one in others):
            raise AccountError(f"{name!r} is the last admin. Make another one first.")
        account.disabled = disabled
        table.end_sessions(session, account.id)
        action = "disable account" if disabled else "enable account"
        add_entry(session, who.account, action, f"account {name}", None, who.address)


def set_password(context: Context, who: Who, name: str, password: str) -> None:
    """Change a password, which ends all sessions of the account.

    Raises
    ------
    AccountError
    """
    hashed = _hash(name, password)
    with Session(context.engine) as session, session.begin():
        account = table.find_account(session, name)
        account.password_hash = hashed
        table.end_sessions(session, account.id)
        add_entry(session, who.account, "change password", f"account {name}", None, who.address)
    if name == "admin":
        first_password(context.home).unlink(missing_ok=True)


def change_password(context: Context, who: Who, old: str, new: str) -> None:
    """As `set_password`, by somebody who knows the old one; failures slow as those of signing in.

    Raises
    ------
    SignInRefused, SignInSlowed, PasswordTooWeak
    """
    try:
        _proved(context, who.account, old, who.address or "", None)
    except SignInSlowed:
        raise
    except SignInRefused as error:
        raise SignInRefused("That is not the present password.") from error
    set_password(context, who, who.account, new)


def sign_out_everywhere(context: Context, who: Who) -> None:
    """End all sessions of an account; its tokens stay."""
    with Session(context.engine) as session, session.begin():
        table.end_sessions(session, table.find_account(session, who.account).id)
        add_entry(session, who.account, "sign out everywhere", None, None, who.address)


def make_token(context: Context, who: Who, account: str, name: str) -> str:
    """A new token of an account, told this once.

    Raises
    ------
    AccountError
    """
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"{name!a} cannot be the name of a token: letters, digits and . _ @ - are allowed."
        )
    token = f"headct_{secrets.token_urlsafe(32)}"
    with Session(context.engine) as session, session.begin():
        table.add_token(session, table.find_account(session, account).id, name, _sha256(token))
        add_entry(session, who.account, "make token", f"account {account}", name, who.address)
    return token


def list_tokens(context: Context, account: str) -> Sequence[ApiToken]:
    """The tokens of an account.

    Raises
    ------
    NoSuchAccount
    """
    with read_session(context.engine) as session:
        return table.list_tokens(session, table.find_account(session, account).id)


def revoke_token(context: Context, who: Who, account: str, name: str) -> None:
    """Take a token back.

    Raises
    ------
    NoSuchAccount
    """
    with Session(context.engine) as session, session.begin():
        table.revoke_token(session, table.find_account(session, account).id, name)
        add_entry(session, who.account, "revoke token", f"account {account}", name, who.address)


def _proved(context: Context, name: str, password: str, address: str, action: str | None) -> Account:
    """The account whose name and password these are; the audit has that action, or the failure."""
    address = address[:64]  # as it stands in the audit
    with _PROVING:  # else many at once would all come before the first failure counts
        with read_session(context.engine) as session:
            failed, last = table.failures(session, REFUSED, name[:64], address, now() - _PATIENCE)
            found = table.account_named(session, name)
            known = found.password_hash if found and not found.disabled else None
        if failed > _FREE:
            wait = min(2 ** (failed - _FREE), _SLOWEST_S) - (now() - last).total_seconds()
            if wait > 0:
                raise SignInSlowed(ceil(wait))
        fits = _fits(known or _hash_of_nobody(), password) and known is not None
        if action or not fits:
            with Session(context.engine) as session, session.begin():
                add_entry(session, name, action if fits and action else REFUSED, address=address)
    if not fits or found is None:
        raise SignInRefused("Name and password do not fit.")
    return found


def _caller(account: Account) -> Caller:
    return Caller(account.id, account.name, Role(account.role), account.generation)


def _hash(name: str, password: str) -> str:
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise PasswordTooWeak(f"A password has {_SHORTEST} to {_LONGEST} characters.")
    if len(set(password)) < 5 or name.casefold() in password.casefold():
        raise PasswordTooWeak("That password is easy to guess: take one without the name, of more letters.")
    with _ONE_AT_A_TIME:
        return _HASHER.hash(password)


def _fits(known: str, password: str) -> bool:
    with _ONE_AT_A_TIME:
        try:
            return _HASHER.verify(known, password[: _LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False


@functools.cache
def _hash_of_nobody() -> str:
    """Checked where there is no account, so that the time taken does not tell names."""
    return _HASHER.hash(secrets.token_urlsafe())


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

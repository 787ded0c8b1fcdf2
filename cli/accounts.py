"""`headct user` and `headct audit`: who may use the web page, and who did what there."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.arguments import parse_since, user_name
from cli.printing import Column, as_wide, moments, print_rows, say, tell
from cli.results import Format, Limit, most_rows, write_rows
from db.audit import AUDIT_COLUMNS, AuditFilter
from db.states import Role
from services import accounts
from services import audit as audited
from services.audit import Who
from services.context import open_migrated

if TYPE_CHECKING:
    from db.tables import Account, ApiToken, Audit

user = typer.Typer(help="Accounts of the web page, and their tokens.", no_args_is_help=True)
token = typer.Typer(help="Tokens, by which programs act as an account.", no_args_is_help=True)
user.add_typer(token, name="token")
Name = Annotated[str, typer.Argument(help="of the account")]
TokenName = Annotated[str, typer.Argument(metavar="TOKEN", help="name of the token: what it is for")]


@user.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="an admin may also change models and train")],
    no_password: Annotated[
        bool, typer.Option("--no-password", help="only a proxy signs in by this account")
    ] = False,
) -> None:
    """Make an account. Its password is asked for, or read from a pipe."""
    context = open_migrated()
    accounts.add(context, _who(), name, role, None if no_password else _new_password())
    say(f"{name} can sign in as {role}{', by a proxy alone' if no_password else ''}.")


@user.command("list")
def list_accounts() -> None:
    """List the accounts."""
    print_accounts(accounts.list_all(open_migrated()))


@user.command()
def disable(name: Name) -> None:
    """Disable an account. Its sessions end, its tokens do nothing."""
    accounts.set_disabled(open_migrated(), _who(), name, disabled=True)
    say(f"{name} is disabled.")


@user.command()
def enable(name: Name) -> None:
    """Enable an account again. Its tokens are valid again too."""
    accounts.set_disabled(open_migrated(), _who(), name, disabled=False)
    say(f"{name} is enabled.")


@user.command()
def password(name: Name) -> None:
    """Give an account another password. It is asked for, or read from a pipe; sessions end."""
    context = open_migrated()
    accounts.set_password(context, _who(), name, _new_password())
    say(f"{name} has another password. Who was signed in by it has to sign in again.")


@token.command()
def make(name: Name, of: TokenName) -> None:
    """Make a token and print it, this once. Only its hash is kept."""
    made = accounts.make_token(open_migrated(), _who(), name, of)
    typer.echo("A program sends it as `Authorization: Bearer TOKEN`. It is not shown again:", err=True)
    typer.echo(made)


@token.command("list")
def list_tokens(name: Name) -> None:
    """List the tokens of an account, not what they are."""
    print_tokens(accounts.list_tokens(open_migrated(), name))


@token.command()
def revoke(name: Name, of: TokenName) -> None:
    """Take a token back. It does nothing from now on."""
    accounts.revoke_token(open_migrated(), _who(), name, of)
    say(f"Token {of} of {name} is revoked.")


def audit(
    output: Annotated[Format, typer.Option("--format", help="how to print")] = Format.TABLE,
    since: Annotated[
        str | None,
        typer.Option(help="only what happened since: 2026-11-25, 2026-11-25T08:00, or 90m, 12h, 7d"),
    ] = None,
    account: Annotated[str | None, typer.Option(help="only of this account")] = None,
    action: Annotated[str | None, typer.Option(help="only this action, as it stands in the list")] = None,
    limit: Limit = None,
) -> None:
    """Show who looked at or changed what on the web page, the newest first."""
    most = most_rows(limit, output)
    wanted = AuditFilter(parse_since(since), account, action, limit=most + 1 if most else 0)
    entries = audited.entries(open_migrated(), wanted)
    shown = entries[: most or None]
    if output is Format.TABLE:
        print_audit(shown)
        if len(shown) < len(entries):
            tell(f"There are more than these {most}; --limit 0 shows all.")
    else:
        write_rows(([getattr(one, name) for name in AUDIT_COLUMNS] for one in shown), output, AUDIT_COLUMNS)


def _who() -> Who:
    return Who(user_name())


def _new_password() -> str:
    """Typed twice without echo; the first line of what is no terminal."""
    try:
        if sys.stdin is None:
            typed = ""
        elif sys.stdin.isatty():
            typed = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        else:
            typed = sys.stdin.readline().rstrip("\r\n")
        typed.encode()
    except UnicodeError as error:
        raise typer.BadParameter("it is no text in UTF-8", param_hint="password") from error
    return typed


def print_accounts(found: "Sequence[Account]") -> None:
    """A line an account."""
    if not found:
        tell("No account yet. `headct up` makes one, or `headct user add` does.")
        return
    name = as_wide("name", found, lambda one: one.name)
    role = as_wide("role", found, lambda one: one.role)
    state = as_wide("", found, _state)
    made, day = moments("made", "created_at")
    print_rows(([name, role, made, state], [name, role, day, state], [name, role, state]), found)


def _state(account: "Account") -> str:
    if account.disabled:
        return "disabled"
    return "" if account.password_hash else "by a proxy only"


def print_tokens(found: "Sequence[ApiToken]") -> None:
    """A line a token."""
    if not found:
        tell("No token. `headct user token make` makes one.")
        return
    name = as_wide("token", found, lambda one: one.name)
    print_rows([[name, moments("made", "created_at")[0]], [name]], found)


def print_audit(found: "Sequence[Audit]") -> None:
    """A line an entry, and its detail below it where there is no room beside."""
    if not found:
        tell("Nothing of that stands in the audit. `headct audit` alone shows all that does.")
        return
    when, short = moments("when", "at")
    account = as_wide("account", found, lambda one: one.account, 32)
    action = as_wide("action", found, lambda one: one.action)
    subject = as_wide("of", found, lambda one: one.subject or "", 40)
    address = as_wide("from", found, lambda one: one.address or "")
    print_rows(
        (
            [when, account, action, subject, address],
            [short, account, action, subject, address],
            [short, account, action, subject],
            [short, account, action],
        ),
        found,
        Column("detail", 24, lambda one: one.detail or ""),
    )

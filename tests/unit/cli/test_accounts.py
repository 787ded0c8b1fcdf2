"""`headct user` and `headct audit`."""

import csv
import json
import os
import pty
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import AccountError, HeadctError, NoSuchAccount, PasswordTooWeak
from core.home import Home
from services import accounts
from services.audit import Who, record
from services.context import Context, open_migrated

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def context(home_in_use: Home) -> Context:
    return open_migrated()


def run(*arguments: str, typed: str = "") -> str:
    """What `headct ARGUMENTS` prints to standard output; raises what it would show as an error."""
    result = CliRunner().invoke(app, list(arguments), input=typed)
    if isinstance(result.exception, HeadctError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def add(name: str, role: str = "reader") -> None:
    run("user", "add", name, "--role", role, typed=f"{PASSWORD}\n")


def test_an_account_can_sign_in_until_it_is_disabled(context: Context) -> None:
    add("ann", "admin")
    add("bob")
    assert accounts.sign_in(context, "ann", PASSWORD, "::1").role == "admin"
    run("user", "disable", "bob")
    shown = [line.split() for line in run("user", "list").splitlines()[1:]]
    assert [(line[:2], line[4:]) for line in shown] == [
        (["ann", "admin"], []),
        (["bob", "reader"], ["disabled"]),
    ]
    run("user", "enable", "bob")
    assert "disabled" not in run("user", "list")


def test_an_account_without_password_is_for_a_proxy() -> None:
    run("user", "add", "eve", "--role", "reader", "--no-password")
    assert "by a proxy only" in run("user", "list")


def test_a_password_is_changed(context: Context) -> None:
    add("ann")
    run("user", "password", "ann", typed="another long one\r\n")
    assert accounts.sign_in(context, "ann", "another long one", "::1").name == "ann"


def test_a_token_is_printed_alone_and_once(context: Context) -> None:
    add("ann")
    assert "No token" in run("user", "token", "list", "ann")
    made = run("user", "token", "make", "ann", "pacs").removesuffix("\n")
    found = accounts.of_token(context, made)
    assert found is not None
    assert found.name == "ann"
    listed = run("user", "token", "list", "ann")
    assert "pacs" in listed
    assert made not in listed
    run("user", "token", "revoke", "ann", "pacs")
    assert accounts.of_token(context, made) is None


@pytest.mark.parametrize(
    ("error", "message", "arguments", "typed"),
    [
        (AccountError, "cannot be the name", ("add", "a/b", "--role", "reader"), PASSWORD),
        (AccountError, "already", ("add", "ann", "--role", "reader"), PASSWORD),
        (PasswordTooWeak, "12 to 256", ("add", "bob", "--role", "reader"), "short"),
        (PasswordTooWeak, "12 to 256", ("add", "bob", "--role", "reader"), ""),
        (PasswordTooWeak, "easy to guess", ("password", "ann"), "ann-ann-ann-ann"),
        (AccountError, "last admin", ("disable", "ann"), ""),
        (NoSuchAccount, "no account 'eve'", ("disable", "eve"), ""),
        (NoSuchAccount, "no account 'eve'", ("enable", "eve"), ""),
        (NoSuchAccount, "no account 'eve'", ("password", "eve"), PASSWORD),
        (NoSuchAccount, "no account 'eve'", ("token", "make", "eve", "t"), ""),
        (NoSuchAccount, "no account 'eve'", ("token", "list", "eve"), ""),
        (NoSuchAccount, "no token 'gone'", ("token", "revoke", "ann", "gone"), ""),
        (AccountError, "cannot be the name", ("token", "make", "ann", "a b"), ""),
        (AccountError, "token 'once' already", ("token", "make", "ann", "once"), ""),
    ],
)
def test_what_cannot_be_done_is_said(
    error: type[HeadctError], message: str, arguments: tuple[str, ...], typed: str
) -> None:
    add("ann", "admin")
    run("user", "token", "make", "ann", "once")
    with pytest.raises(error, match=message):
        run("user", *arguments, typed=typed)


def test_there_is_no_account_yet() -> None:
    assert "No account yet" in run("user", "list")


def test_a_role_has_to_be_said() -> None:
    result = CliRunner().invoke(app, ["user", "add", "ann"], input=PASSWORD)
    assert result.exit_code == 2
    assert "--role" in result.output


def test_a_password_that_is_no_text_is_refused() -> None:
    result = CliRunner().invoke(app, ["user", "add", "ann", "--role", "reader"], input=b"\xff" * 20)
    assert result.exit_code == 2
    assert "no text in UTF-8" in result.output


def test_at_a_terminal_the_password_is_asked_twice_and_not_shown(home_in_use: Home) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execve(  # noqa: S606
            sys.executable,
            [sys.executable, "-m", "cli", "user", "add", "ann", "--role", "reader"],
            {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
    shown = b""
    for question in (b"Password: ", b"confirmation: "):
        while question not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{PASSWORD}\n".encode())
    try:
        while chunk := os.read(terminal, 1024):
            shown += chunk
    except OSError:  # as Linux ends a terminal
        pass
    os.waitpid(child, 0)
    assert b"ann can sign in as reader." in shown
    assert PASSWORD.encode() not in shown


def test_the_audit_is_shown_filtered_and_in_each_format(context: Context) -> None:
    add("ann")
    record(context, Who("ann", "10.0.0.1"), "open study", "study 7", "=cmd")
    shown = run("audit")
    assert "add account" in shown
    assert "10.0.0.1" in shown
    assert "There are more than these 1" in run("audit", "--limit", "1")
    (entry,) = json.loads(run("audit", "--account", "ann", "--format", "json"))
    assert (entry["action"], entry["subject"], entry["detail"]) == ("open study", "study 7", "=cmd")
    (row,) = csv.DictReader(run("audit", "--action", "open study", "--format", "csv").splitlines())
    assert (row["account"], row["detail"]) == ("ann", "'=cmd")
    assert json.loads(run("audit", "--since", "2100-01-01", "--format", "json")) == []
    assert "Nothing of that" in run("audit", "--account", "bob")


def test_a_moment_that_is_none_is_refused() -> None:
    result = CliRunner().invoke(app, ["audit", "--since", "yesterday"])
    assert result.exit_code == 2
    assert "is no moment" in result.output

"""Every error that a command mends is told with it, and only the command line knows commands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from cli.advice import advice_for, advice_on
from cli.main import app
from core import errors
from core.reasons import ReasonCode

REPOSITORY = Path(__file__).parents[3]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


def of_kind(kind: type[Exception]) -> Exception:
    rejects = issubclass(kind, errors.RejectedImage)
    return kind(ReasonCode.TOO_LARGE, "Too large.") if rejects else kind("It is so.")


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (errors.DatabaseNotMigrated(), "headct migrate"),
        (errors.ModelAltered(), "headct models rollback"),
        (errors.GraphMissing(), "headct models convert"),
        (errors.NothingToRollBack(), "headct models promote"),
        (errors.BrokerAway(), "headct up"),
        (of_kind(errors.ImageTooLarge), "headct retry"),
        (errors.NothingToExplain("It is rejected.", "too_large"), "headct retry"),
        (errors.NoSuchVersion(), "headct models list"),
    ],
)
def test_an_error_is_told_with_the_command_that_helps(error: Exception, command: str) -> None:
    assert f"`{command}`" in str(advice_for(error))


def test_what_no_command_mends_is_told_without_one() -> None:
    assert advice_for(errors.PortTaken()) is advice_for(errors.ModelExists()) is None
    assert advice_on(ReasonCode.DAMAGED) is advice_on(None) is None
    assert advice_on("worker_lost") == advice_on(ReasonCode.WORKER_LOST)


def test_every_command_that_is_advised_exists() -> None:
    given = [advice_for(of_kind(kind)) for kind in KINDS] + [advice_on(code) for code in ReasonCode]
    named = {name for advice in given if advice for name in re.findall(r"`headct ([a-z ]*[a-z])", advice)}
    assert len(named) >= 8
    for command in named:
        first, *rest = command.split()
        found = get_command(app).commands[first]  # type: ignore[attr-defined] - a group
        assert not rest or not hasattr(found, "commands") or rest[0] in found.commands, command


def texts(source: str) -> Iterator[str]:
    """Every text of a module that is no docstring."""
    tree = ast.parse(source)
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.value


@pytest.mark.parametrize("folder", ["core", "db", "images", "models"])
def test_no_message_of_the_lower_layers_names_a_command(folder: str) -> None:
    said = [text for path in (REPOSITORY / folder).rglob("*.py") for text in texts(path.read_text("utf-8"))]
    assert len(said) > 50
    assert [text for text in said if re.search(r"`headct (?!up`$)", text)] == []

"""The list of commands, which is written down beside the commands, and what is imported for it."""

import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from cli.lazy import COMMANDS, load
from cli.main import app
from core.home import Home

HEAVY = {"sqlalchemy", "pydantic", "rich", "alembic", "celery", "tensorflow", "msgspec"}


def imported(home: Home, *arguments: str) -> set[str]:
    """What `headct ARGUMENTS` imports, each package by its name alone; the command ends well."""
    code = "import atexit, sys, cli.main; atexit.register(lambda: print(*sys.modules)); cli.main.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={"HEADCT_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_begins_as_the_help_of_the_command(name: str) -> None:
    group = typer.main.get_command(app)
    listed, command = group.commands[name], load(name)  # type: ignore[attr-defined]
    assert (listed.name, listed.hidden) == (command.name, command.hidden)
    assert listed.get_short_help_str().split()[:2] == command.help.split()[:2]


@pytest.mark.parametrize("group", [(), ("models",), ("runs",), ("dataset",), ("user",), ("user", "token")])
def test_every_command_is_listed_whole_on_one_line_of_80_columns(group: tuple[str, ...]) -> None:
    listed = CliRunner().invoke(app, [*group, "--help"], env={"COLUMNS": "80"}).stdout
    (_, commands) = listed.split("Commands:\n")
    for line in commands.splitlines():
        assert re.fullmatch(r"  \S+ +\S.*\.", line)
        assert not line.endswith("...")


def test_the_list_needs_no_command(home: Home) -> None:
    assert not imported(home, "--help") & HEAVY


@pytest.mark.usefixtures("sqlite_engine")
def test_results_are_shown_without_mapper_pydantic_and_tables_of_rich(home: Home) -> None:
    names = imported(home, "results")
    assert not names & {"pydantic", "rich", "sqlalchemy.orm", "alembic", "celery", "tensorflow", "scheduler"}
    assert "msgspec" in names


def test_a_misspelt_command_is_answered_with_the_one_that_is_like_it() -> None:
    result = CliRunner().invoke(app, ["resluts"])
    assert result.exit_code == 2
    assert "No such command 'resluts'. Did you mean 'results'?" in result.stderr


@pytest.mark.parametrize("arguments", [["results", "--help"], ["runs", "--help"], ["redis", "--help"]])
def test_a_command_has_its_own_help(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert COMMANDS[arguments[0]][1] in result.stdout.replace("\n  ", " ")


def test_an_option_that_is_not_given_has_its_default(home_in_use: Home) -> None:
    """Also where others are: those alone are converted."""
    result = CliRunner().invoke(app, ["results", "--limit", "3"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("id")
    refused = CliRunner().invoke(app, ["explain", "1"])
    assert refused.exit_code == 2
    assert "--output" in refused.stderr

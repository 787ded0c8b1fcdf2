"""What no command can work with is refused by its own name, before anything is looked up."""

import pytest
from typer.testing import CliRunner

from cli.main import app

HUGE = str(10**20)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("runs", "show", HUGE), "'ID'"),
        (("runs", "follow", HUGE), "'ID'"),
        (("runs", "cancel", HUGE), "'ID'"),
        (("runs", "report", "0"), "'ID'"),
        (("runs", "--limit", HUGE), "'--limit'"),
        (("results", "--limit", HUGE), "'--limit'"),
        (("train", "--seed", str(2**31)), "'--seed'"),
        (("train", "--epochs", HUGE), "'--epochs'"),
        (("label", "1", "normal", "--by", "\udcff"), "--by"),
        (("label", "1", "normal", "--note", "\udcff"), "--note"),
    ],
)
def test_what_no_command_can_work_with_is_refused(arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert told in result.stderr

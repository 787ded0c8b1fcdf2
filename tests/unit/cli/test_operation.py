"""`headct status` says of each thing only what it knows."""

from typing import Any

import pytest

from cli.operation import print_state
from core.errors import BrokerAway, HeadctError, NotRunning
from db.states import FileState

STATE: dict[str, Any] = {
    "files": dict.fromkeys(FileState, 0),
    "intake_paused": None,
    "scheduler_runs": True,
    "free_mb": 12345,
    "free_mb_below": "/srv",
    "queues": {"inference": 3, "training": 0},
    "workers": ["inference@host"],
    "heard_seconds_ago": {},
    "oldest_unfinished_seconds": None,
    "model_version": "v1",
    "problems": [],
}


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, ["intake takes files", "workers alive inference@host"]),
        ({"intake_paused": "little room"}, ["intake pauses"]),
        ({"workers": []}, ["workers alive none"]),
        (
            {"scheduler_runs": False, "problems": [HeadctError("It ended.")]},
            ["intake does not run", "It ended."],
        ),
        (
            {"queues": None, "workers": None, "problems": [BrokerAway("Away.")]},
            ["queue unknown", "workers alive unknown", "Away. `headct up` brings a Redis of its own."],
        ),
        (
            {"scheduler_runs": None, "workers": None, "problems": [NotRunning("It does not run.")]},
            ["intake does not run", "It does not run. Start `headct up`."],
        ),
    ],
)
def test_status_says_only_what_it_knows(
    changed: dict[str, object], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    print_state(STATE | changed)
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert set(lines) <= set(printed), printed

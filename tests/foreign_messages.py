"""Messages that a stranger with the password of Redis could put on headct's queues."""

import base64
import json
import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.queues import INFERENCE_QUEUE

MARK = "a-body-of-a-stranger"
"""Stands in every foreign message, and must stand in no log."""


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def envelope(task: str, args: object, *, kwargs: object = None, **headers: object) -> dict[str, Any]:
    """A message as Celery writes it, with these arguments and headers."""
    body = json.dumps(
        [args, kwargs or {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    )
    identity = str(uuid.uuid4())
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": identity, "retries": 0, "origin": MARK, **headers},
        "properties": {
            "correlation_id": identity,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": INFERENCE_QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def foreign_messages(task: str, bomb: Path) -> Iterator[bytes]:
    """Messages that are to be dropped."""
    for junk in (
        "",
        "{",
        "[]",
        "42",
        "null",
        '"text"',
        "{}",
        "[" * 100_000,
        '{"__type__": "x", "__value__": 1}',
    ):
        yield junk.encode()
    yield b"\xff\xfe\x00" + MARK.encode()
    wrong: list[dict[str, Any]] = [
        envelope("celery.backend_cleanup", []),
        envelope("celery.starmap", [{"task": task, "args": [], "options": {}}, [[MARK]]]),
        envelope("os.system", [MARK]),
        envelope(task, []),
        envelope(task, [[1], MARK]),
        envelope(task, [[1]], kwargs={MARK: 1}),
        envelope(task, {"file_ids": [1]}),
        envelope(task, [MARK]),
        envelope(task, [[MARK]]),
        envelope(task, [["1"]]),
        envelope(task, [[1.5]]),
        envelope(task, [[True]]),
        envelope(task, [[-1]]),
        envelope(task, [[0]]),
        envelope(task, [[2**70]]),
        envelope(task, [[[1]]]),
        envelope(task, [{"1": 1}]),
        envelope(task, [None]),
        envelope(task, [list(range(1, 1_000_001))]),
        envelope(task, [[1]], id=None),
        envelope(task, [[1]], id=MARK),
        envelope(task, [[1]], retries=-1),
        envelope(task, [[1]], retries=MARK),
        envelope(task, [[1]], shadow=MARK),
        envelope(task, [[1]], eta=MARK),
        envelope(task, [[1]], eta="9999-12-31T23:59:59+00:00"),
        envelope(task, [[1]], timelimit=[0.001, None]),
        envelope(task, [[1]], compression="zlib"),
        envelope(task, [[1]], compression=MARK),
        envelope(MARK, [[1]]),
    ]
    for missing in ("id", "task", "retries"):
        wrong.append(envelope(task, [[1]]))
        del wrong[-1]["headers"][missing]
    for missing in ("headers", "body", "properties", "content-type"):
        wrong.append(envelope(task, [[1]]))
        del wrong[-1][missing]
    for missing in ("delivery_tag", "delivery_info"):
        wrong.append(envelope(task, [[1]]))
        del wrong[-1]["properties"][missing]
    for tag in ([MARK], {MARK: 1}, True):
        wrong.append(envelope(task, [[1]]))
        wrong[-1]["properties"]["delivery_tag"] = tag
    for name, value in (
        ("headers", [MARK]),
        ("headers", MARK),
        ("properties", MARK),
        ("body", 17),
        ("body", "!" * 99 + MARK),
        ("content-type", "application/x-yaml"),
    ):
        wrong.append({**envelope(task, [[1]]), name: value})
    followed = json.dumps([[[1]], {}, {"callbacks": [{"task": task}], "errbacks": None, "chain": None}])
    wrong.append({**envelope(task, []), "body": base64.b64encode(followed.encode()).decode()})
    pickled = base64.b64encode(pickle.dumps(Bomb(bomb))).decode()
    wrong += [
        {**envelope(task, []), "body": pickled, "content-type": kind, "content-encoding": "binary"}
        for kind in ("application/x-python-serialize", "application/json")
    ]
    for message in wrong:
        yield json.dumps(message).encode()

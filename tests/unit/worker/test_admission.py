"""What headct itself sends passes the check; tests/acceptance/test_security.py has what does not."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from kombu import Message

from core.home import Home
from core.settings import Settings
from db.engine import MAX_IDS
from worker import tasks
from worker.admission import ForeignMessage, check
from worker.app import CLASSIFY_TASK, HEARTBEAT_TASK, TRAIN_TASK, create_app


@pytest.fixture
def app(settings: Settings, home: Home) -> Iterator[Celery]:
    """Celery's app with headct's tasks, and a queue in memory."""
    with create_app(settings, home) as app:
        app.conf.update(broker_url="memory://", broker_use_ssl=None, broker_transport_options={})
        assert tasks.classify_files.name in app.tasks
        yield app


def sent(app: Celery) -> Message:
    """The one message that was sent."""
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue("inference")
        return queue.get(timeout=1)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (CLASSIFY_TASK, [[1, 2, 3]]),
        (CLASSIFY_TASK, [list(range(1, MAX_IDS + 1))]),
        (TRAIN_TASK, [2**63 - 1]),
        (HEARTBEAT_TASK, []),
    ],
)
def test_what_headct_sends_passes(app: Celery, name: str, args: list[Any]) -> None:
    app.send_task(name, args=args, queue="inference")
    check(sent(app), app.tasks)


def test_a_chunk_that_is_tried_again_passes(app: Celery) -> None:
    app.tasks[CLASSIFY_TASK].apply_async([[1, 2]], countdown=30, retries=7, queue="inference")
    check(sent(app), app.tasks)


def test_the_reason_shows_nothing_of_the_message(app: Celery) -> None:
    app.send_task(CLASSIFY_TASK, args=["Doe^Jane"], kwargs={"Doe": "Jane"}, queue="inference")
    with pytest.raises(ForeignMessage) as caught:
        check(sent(app), app.tasks)
    assert str(caught.value) == "its arguments are not those of the task"


def test_more_ids_than_one_statement_takes_are_refused(app: Celery) -> None:
    app.send_task(CLASSIFY_TASK, args=[list(range(1, MAX_IDS + 2))], queue="inference")
    with pytest.raises(ForeignMessage):
        check(sent(app), app.tasks)

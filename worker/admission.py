"""What a worker takes from its queue: tasks of headct as headct writes them. All else is dropped and logged.

Whoever holds the password of Redis can put anything there. Celery would log a foreign message with its body,
end the worker at one without an envelope or an id, and take it again for ever where it never came to ack it.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from queue import Empty
from typing import Annotated, Any, get_type_hints
from uuid import UUID

import msgspec
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Message
from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import DataError, RedisError

logger = logging.getLogger(__name__)

# A task that is tried again waits half a minute; one of the year 9999 would be held, and delivered, for ever.
_LONGEST_WAIT = timedelta(hours=3)


class ForeignMessage(Exception):
    """The message is not as headct writes them; says why, without anything that stands in it."""


class _Headers(msgspec.Struct):
    task: str
    id: UUID
    retries: Annotated[int, msgspec.Meta(ge=0)]
    shadow: None = None
    eta: datetime | None = None
    timelimit: tuple[float | None, float | None] = (None, None)

    def __post_init__(self) -> None:
        if self.eta and self.eta > datetime.now(UTC) + _LONGEST_WAIT:
            raise ValueError


# The last are the tasks that are to follow; headct has none.
_Body = tuple[list[Any], dict[str, Any], dict[str, None]]


def check(message: Message, tasks: Mapping[str, Any]) -> None:
    """Whether it is a task of headct, with arguments of the types that the task's function names.

    Raises
    ------
    ForeignMessage
    """
    try:
        headers = msgspec.convert(message.headers, _Headers)
        args, kwargs, _ = msgspec.convert(message.payload, _Body)
    except Exception as error:
        raise ForeignMessage("it is no task") from error
    task = tasks.get(headers.task) if headers.task.startswith("headct.") else None  # Celery brings some more
    if task is None:
        raise ForeignMessage("headct has no such task")
    if not set(headers.timelimit) <= {None, task.time_limit, task.soft_time_limit}:
        raise ForeignMessage("its time limit is not that of the task")
    types = get_type_hints(task.run, include_extras=True)
    try:
        for name, value in inspect.signature(task.run).bind(*args, **kwargs).arguments.items():
            msgspec.convert(value, types[name])
    except (TypeError, msgspec.ValidationError) as error:
        raise ForeignMessage("its arguments are not those of the task") from error


class Transport(redis.Transport):
    """Kombu's, which drops what is no message at all: it would raise, and the worker end."""

    def on_readable(self, fileno: int) -> None:
        """Redis has sent something."""
        try:
            super().on_readable(fileno)
        except Exception as error:
            if not _is_foreign(error):
                raise
            _say(f"it is no message ({type(error).__name__})")


class Consumer(CeleryConsumer):
    """Celery's consumer, which takes tasks of headct only."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Message], None]:  # noqa: ANN401 - inherited
        """Celery's handler, behind the check."""
        take = super().create_task_handler(*args, **kwargs)

        def admit(message: Message) -> None:
            try:
                check(message, self.app.tasks)
                take(message)
            except Exception as error:
                if not _is_foreign(error):
                    raise
                # It would come again, and end the worker again.
                self.on_decode_error(message, error)

        return admit

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Drop it."""
        _say(str(exc) if isinstance(exc, ForeignMessage) else f"it cannot be taken ({type(exc).__name__})")
        if not message.acknowledged:
            message.reject_log_error(logger, self.connection_errors)

    def on_invalid_task(self, body: object, message: Message, exc: Exception) -> None:  # noqa: ARG002 - inherited
        """Drop it."""
        self.on_decode_error(message, exc)


def _is_foreign(error: Exception) -> bool:
    """Whether a message is at fault, not Redis or the way to it.

    A DataError comes of a message that has something else where a text should be.
    """
    return isinstance(error, DataError) or not isinstance(error, (Empty, OSError, RedisError))


def _say(reason: str) -> None:
    logger.error("a message that is not headct's was dropped: %s", reason)


def admit_own_tasks_only(app: Any) -> None:  # noqa: ANN401 - Celery's app is untyped
    """Have the worker of this process work so."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:{Transport.__name__}"))
    app.conf.worker_consumer = f"{__name__}:{Consumer.__name__}"

"""What a worker takes from its queue: tasks of headct as headct writes them. All else is dropped and logged.

Whoever holds the password of Redis can put anything there. Celery would log a foreign message with its body,
end the worker at one without an envelope or an id, and take it again for ever where it never came to ack it.
"""

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from queue import Empty
from typing import Annotated, Any, Literal, get_type_hints
from uuid import UUID

import msgspec
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Message
from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import DataError, RedisError

logger = logging.getLogger(__name__)

OUR_TASKS = "headct."
"""What the names of headct's own tasks begin with; Celery brings some more, which nobody sends."""
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


class _Nothing(msgspec.Struct):
    """What is to follow a task of headct."""

    callbacks: None = None
    errbacks: None = None
    chain: None = None
    chord: None = None


_Body = tuple[list[Any], dict[str, Any], _Nothing]


@functools.cache
def _parameters(task: Any) -> tuple[inspect.Signature, dict[str, Any]]:  # noqa: ANN401 - untyped
    return inspect.signature(task.run), get_type_hints(task.run, include_extras=True)


def check(message: Message, tasks: Mapping[str, Any]) -> None:
    """Whether it is a task of headct, with arguments of the types that the task's function names.

    Raises
    ------
    ForeignMessage
    """
    if message.content_type != "application/json":
        raise ForeignMessage("its content is not JSON")
    try:
        headers = msgspec.convert(message.headers, _Headers)
        args, kwargs, _ = msgspec.convert(message.payload, _Body)
    except Exception as error:
        raise ForeignMessage("it is no task") from error
    task = tasks.get(headers.task) if headers.task.startswith(OUR_TASKS) else None
    if task is None:
        raise ForeignMessage("headct has no such task")
    if not set(headers.timelimit) <= {None, task.time_limit, task.soft_time_limit}:
        raise ForeignMessage("its time limit is not that of the task")
    signature, types = _parameters(task)
    try:
        given = signature.bind(*args, **kwargs).arguments
        for name, value in given.items():
            msgspec.convert(value, types[name])
    except (TypeError, msgspec.ValidationError) as error:
        raise ForeignMessage("its arguments are not those of the task") from error


class Channel(redis.Channel):
    """Drops what is no message at all: kombu would raise, and the worker end."""

    def _brpop_read(self, **options: Any) -> Literal[True]:  # noqa: ANN401 - inherited
        try:
            super()._brpop_read(**options)
        except Empty:
            raise
        except Exception as error:
            if _is_of_redis(error, self.connection_errors):
                raise
            _say(f"it is no message ({type(error).__name__})")
        return True


class Transport(redis.Transport):
    """Kombu's transport over Redis, with the channel above."""

    Channel = Channel


class Consumer(CeleryConsumer):
    """Celery's consumer, which takes tasks of headct only."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Message], None]:  # noqa: ANN401 - inherited
        """Celery's handler, behind the check."""
        take = super().create_task_handler(*args, **kwargs)

        def admit(message: Message) -> None:
            try:
                check(message, self.app.tasks)
                take(message)
            except ForeignMessage as error:
                self._drop(message, str(error))
            except Exception as error:
                if _is_of_redis(error, self.connection_errors):
                    raise
                # It would come again, and end the worker again.
                self._drop(message, f"it cannot be taken ({type(error).__name__})")

        return admit

    def on_decode_error(self, message: Message, exc: Exception) -> None:  # noqa: ARG002 - inherited
        """Kombu cannot read it."""
        self._drop(message, "it cannot be read")

    def on_invalid_task(self, body: object, message: Message, exc: Exception) -> None:  # noqa: ARG002 - inherited
        """Celery cannot make a request of it."""
        self._drop(message, "it is no task")

    def _drop(self, message: Message, reason: str) -> None:
        _say(reason)
        if not message.acknowledged:
            message.reject_log_error(logger, self.connection_errors)


def _is_of_redis(error: Exception, kinds: tuple[type[Exception], ...]) -> bool:
    """Whether Redis or the way to it is at fault.

    Kombu counts the KeyError among these, and redis the DataError: a message without a part that it should
    have, or with another in its place, leads to them.
    """
    return isinstance(error, (RedisError, *kinds)) and not isinstance(error, (KeyError, DataError))


def _say(reason: str) -> None:
    logger.error("a message that is not headct's was dropped: %s", reason)


def admit_own_tasks_only(app: Any) -> None:  # noqa: ANN401 - Celery's app is untyped
    """Have the worker of this process work so."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:{Transport.__name__}"))
    app.conf.worker_consumer = f"{__name__}:{Consumer.__name__}"

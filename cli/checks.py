"""What `headct doctor` looks at. Each check returns nothing if all is well, or what to do."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.context import Context
from core.broker import broker_url, queue_depth, redis_client
from core.errors import HeadctError
from core.queues import INFERENCE_QUEUE
from db.revision import check_migrated
from models.store import ModelStore, verify
from scheduler.inbox import check_inbox, find_files

# Below this the next batch of scans may not fit beside the database's and Redis's own files.
_LEAST_FREE_MB = 500
# Each folder of the inbox takes one inotify watch; below this a deep inbox can run out of them.
_LEAST_WATCHES = 8192
_WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")


def run_checks(context: Context) -> Iterator[tuple[str, str | None]]:
    """Each check's name, and what is wrong and what to do, or None."""
    checks: list[tuple[str, Callable[[Context], None]]] = [
        ("settings", lambda _: None),  # they were read, or this would not run
        ("inbox", _inbox),
        ("store", _store),
        ("free disk", _free_disk),
        ("broker", _broker),
        ("database and its migration", lambda context: check_migrated(context.engine)),
        ("model", _model),
        ("watch limit", _watch_limit),
    ]
    for name, check in checks:
        try:
            check(context)
        except (HeadctError, OSError) as error:
            yield name, str(error)
        else:
            yield name, None


def _inbox(context: Context) -> None:
    check_inbox(context.home.inbox)
    unreadable = [
        path for path in find_files(context.home.inbox) if not os.access(path, os.R_OK, effective_ids=True)
    ]
    if unreadable:
        raise HeadctError(
            f"{len(unreadable)} files cannot be read, the first is {unreadable[0]}. "
            "Run `chmod u+r` on them or change their owner; they are taken at the next rescan."
        )


def _store(context: Context) -> None:
    for folder in (context.home.store, context.home.rejected):
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            raise HeadctError(f"{folder} cannot be written. Run `chmod u+rwx` on it or change its owner.")


def _free_disk(context: Context) -> None:
    free = shutil.disk_usage(context.home.root).free // 2**20
    if free < _LEAST_FREE_MB:
        raise HeadctError(
            f"only {free} MiB are free below {context.home.root}. Make room: without any the intake waits."
        )


def _broker(context: Context) -> None:
    queue_depth(redis_client(broker_url(context.settings, context.home)), INFERENCE_QUEUE)


def _model(context: Context) -> None:
    verify(ModelStore(context.home.models).find(context.settings.model_version))


def _watch_limit(_: Context) -> None:
    if sys.platform != "linux":
        return
    limit = int(_WATCH_LIMIT.read_text())
    if limit < _LEAST_WATCHES:
        raise HeadctError(
            f"the system allows only {limit} watches. Raise fs.inotify.max_user_watches with sysctl to "
            f"{_LEAST_WATCHES}, or set HEADCT_POLL_SECONDS."
        )

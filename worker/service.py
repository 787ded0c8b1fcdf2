"""A worker's process: Celery's main process and its prefork children."""

import contextlib
import logging
import os
import shutil
import signal
import socket
import tempfile
from typing import Any

from celery.signals import after_setup_logger, worker_process_init, worker_ready
from celery.utils.log import get_multiprocessing_logger

from core.broker import broker_url, redis_client
from core.cores import usable_cores
from core.home import Home
from core.queues import INFERENCE_QUEUE, STAT_QUEUE
from core.settings import Settings
from worker.admission import admit_own_tasks_only
from worker.app import create_app
from worker.deafness import Watchdog
from worker.limits import limit_memory
from worker.metrics_files import share_metrics
from worker.process import start_process

logger = logging.getLogger(__name__)

_NICENESS = 5
"""Of a training process: classifying comes first where both want the processor (docs/benchmarks.md)."""


def run_worker(settings: Settings, home: Home, queue: str) -> None:
    """Serve one queue until SIGTERM; returns when the worker has stopped.

    Each child makes its own engine and loads its own network, since neither survives a fork
    (docs/architecture.md). A training child ends after each run and gives its memory back.
    """
    classify = queue == INFERENCE_QUEUE
    os.environ["REMAP_SIGTERM"] = (
        "SIGQUIT"  # read by Celery: stop softly within seconds, not when all is done
    )
    if classify:
        share_metrics(home.metrics)
    app = create_app(settings, home)
    app.conf.include = ["worker.tasks"]
    app.conf.worker_max_tasks_per_child = None if classify else 1
    admit_own_tasks_only(app)

    def _start(**_: Any) -> None:  # noqa: ANN401 - what Celery's signal sends
        if not classify:
            os.nice(_NICENESS)
            take_temporary_folder(home)
        try:
            start_process(settings, home, classify=classify)
            if classify:
                limit_memory(settings)
        except Exception as error:  # noqa: BLE001 - Celery would swallow it and go on without a model
            logger.error("this worker ends, since a process of it cannot start: %s", error)  # noqa: TRY400
            os.kill(os.getppid(), signal.SIGTERM)
            os._exit(1)

    def _ready(sender: Any, **_: Any) -> None:  # noqa: ANN401 - what Celery's signal sends
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))  # Celery's starts the worker anew
        client = redis_client(broker_url(settings, home))
        watchdog = Watchdog(settings, client, queue, home.health / sender.hostname)
        watchdog.follow(lambda: sender.pool.info["processes"])

    after_setup_logger.connect(_log_of_pool, weak=False)
    worker_process_init.connect(_start, weak=False)
    worker_ready.connect(_ready, weak=False)
    processes = (settings.worker_processes or usable_cores()) if classify else 1
    app.worker_main(
        [
            "worker",
            f"--queues={f'{STAT_QUEUE},' * classify}{queue}",
            f"--hostname={queue}@%h",
            "--pool=prefork",
            f"--concurrency={processes}",
            f"--loglevel={settings.log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def take_temporary_folder(home: Home) -> None:
    """Have one for temporary files that is emptied by the next process of this worker.

    TensorFlow leaves files there for its exit handlers, which a process of a pool does not come to.
    """
    folder = home.run / f"training-{socket.gethostname()}"
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # on a full disk that of the system will do
        folder.mkdir(exist_ok=True)
        tempfile.tempdir = str(folder)


def _log_of_pool(**_: Any) -> None:  # noqa: ANN401 - what Celery's signal sends
    """Have what the pool says of its processes logged as all else is; it has a handler of its own."""
    of_pool = get_multiprocessing_logger()
    of_pool.handlers.clear()
    of_pool.propagate = True

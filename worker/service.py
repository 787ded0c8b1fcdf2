"""A worker's process: Celery's main process and its prefork children."""

import os
from typing import Any

from celery.signals import worker_process_init

from core.home import Home
from core.queues import INFERENCE_QUEUE
from core.settings import Settings
from worker.app import create_app
from worker.process import start_process


def run_worker(settings: Settings, home: Home, queue: str) -> None:
    """Serve one queue until SIGTERM; returns when the worker has stopped.

    Each child makes its own engine and loads its own network, since neither survives a fork
    (docs/architecture.md). A training child ends after each run and gives its memory back.
    """
    classify = queue == INFERENCE_QUEUE
    os.environ["REMAP_SIGTERM"] = (
        "SIGQUIT"  # read by Celery: stop softly within seconds, not when all is done
    )
    app = create_app(settings, home)
    app.conf.include = ["worker.tasks"]
    app.conf.worker_max_tasks_per_child = None if classify else 1

    def _start(**_: Any) -> None:  # noqa: ANN401 - what Celery's signal sends
        start_process(settings, home, classify=classify)

    worker_process_init.connect(_start, weak=False)
    processes = (settings.worker_processes or os.cpu_count() or 1) if classify else 1
    app.worker_main(
        [
            "worker",
            f"--queues={queue}",
            f"--hostname={queue}@%h",
            "--pool=prefork",
            f"--concurrency={processes}",
            f"--loglevel={settings.log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
    )

"""The scheduler's process: the watcher in the main thread; dispatcher, heartbeat and metrics beside it."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.broker import broker_url, redis_client
from core.home import Home
from core.lock import acquire
from core.settings import Settings
from core.store import remove_leftovers
from db.promotions import record_shipped
from models.store import ModelStore
from scheduler.dispatcher import Dispatcher
from scheduler.emptied import EmptiedFolders
from scheduler.finaliser import Finaliser
from scheduler.heartbeat import Heartbeat
from scheduler.intake import Intake
from scheduler.metrics import StateCollector, serve_metrics
from scheduler.pause import Pause
from scheduler.room import Disks
from scheduler.watcher import Watcher
from worker.app import create_app


def run_scheduler(settings: Settings, home: Home, engine: Engine, shipped: str) -> None:
    """Run until SIGTERM or SIGINT.

    Parameters
    ----------
    shipped
        Name of the model version that ships with headct.

    Raises
    ------
    InboxUnusable
    AlreadyRunning
        Another one runs: two that take the same file would record it twice.
    """
    acquire(home.run / "scheduler.lock", "A scheduler")
    with Session(engine) as session, session.begin():
        record_shipped(session, shipped)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    remove_leftovers(home.store, home.rejected, home.dataset)
    client, app = redis_client(broker_url(settings, home)), create_app(settings, home)
    dispatcher = Dispatcher(settings, engine, app, client)
    heartbeat = Heartbeat(settings, app, client, home)
    intake = Intake(settings, home, engine)
    finaliser = Finaliser(settings, engine, ModelStore(home.models))
    pause, emptied = Pause(home), EmptiedFolders(str(home.inbox))
    watcher = Watcher(settings, home, intake, dispatcher, pause, emptied)
    state = StateCollector(engine, client, home, Disks(settings, home), shipped, heartbeat.age)
    with (
        serve_metrics(settings, home, state),
        ThreadPoolExecutor(3, thread_name_prefix="scheduler") as threads,
    ):
        beside = [threads.submit(part.run, stop) for part in (dispatcher, heartbeat, finaliser)]
        for running in beside:
            running.add_done_callback(lambda _: stop.set())  # no part goes on without the others
        try:
            watcher.run(stop)
        finally:
            stop.set()
            dispatcher.wake()
            intake.close()
    for running in beside:
        running.result()

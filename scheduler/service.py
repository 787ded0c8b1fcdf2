"""The scheduler's process: the watcher in the main thread, the dispatcher beside it."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from core.broker import broker_url, redis_client
from core.home import Home
from core.settings import Settings
from core.store import remove_leftovers
from scheduler.dispatcher import Dispatcher
from scheduler.intake import Intake
from scheduler.watcher import Watcher
from worker.app import create_app


def run_scheduler(settings: Settings, home: Home, engine: Engine) -> None:
    """Run until SIGTERM or SIGINT.

    Raises
    ------
    InboxUnusable
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    remove_leftovers(home.store, home.rejected, home.dataset)
    client = redis_client(broker_url(settings, home))
    dispatcher = Dispatcher(settings, engine, create_app(settings, home), client)
    intake = Intake(settings, home, engine)
    with ThreadPoolExecutor(1, thread_name_prefix="dispatcher") as threads:
        dispatching = threads.submit(dispatcher.run, stop)
        dispatching.add_done_callback(lambda _: stop.set())  # neither half goes on without the other
        try:
            Watcher(settings, home, intake, dispatcher).run(stop)
        finally:
            stop.set()
            dispatcher.wake()
            intake.close()
    dispatching.result()

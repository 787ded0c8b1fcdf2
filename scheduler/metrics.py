"""The metrics of the running system, served to Prometheus. docs/metrics.md says what each is good for.

The scheduler serves them all: what it counts itself, what the classify processes counted (worker/metrics.py),
and what a look at database, queue and disk tells when somebody asks.
"""

import logging
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, start_http_server
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from core.broker import check_takes_messages, queue_depth
from core.errors import BrokerUnusable, PortTaken
from core.home import Home
from core.ports import free_port
from core.queues import QUEUES
from core.settings import Settings
from db.engine import now, read_session
from db.promotions import version_in_use
from db.queries import counts_by_state, oldest_unfinished
from db.states import ImageLabel
from db.training_runs import runs_by_state
from scheduler.inbox import walk
from scheduler.pause import pause_shown
from scheduler.room import Disks

logger = logging.getLogger(__name__)

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each counter began: nobody asks
FILES_TAKEN = Counter("headct_files_taken", "Files of the inbox that were recorded.", registry=None)
CHUNKS_PUBLISHED = Counter("headct_chunks_published", "Chunks that were put into the queue.", registry=None)
TAKEN_BACK = Counter(
    "headct_files_taken_back", "Files that were not finished within their lease.", registry=None
)
STUDIES_FINALISED = Counter(
    "headct_studies_finalised", "Studies that got their result, or again the same.", ["label"], registry=None
)
for _label in ImageLabel:
    STUDIES_FINALISED.labels(_label.value)  # all are served from the beginning

_FRESH_S, _SHARE = 1.0, 20
"""An answer holds for a second, or so many times as long as it took to find: asked for as often as may be, it
costs a twentieth of a core."""


class StateCollector(Collector):
    """A look at database, queue, disk and this process.

    Parameters
    ----------
    shipped
        Name of the model version that ships with headct.
    heartbeat_age
        Tells for how many seconds no classify worker has taken a message.
    stale_s
        No answer holds longer.
    """

    def __init__(
        self,
        engine: Engine,
        client: redis.Redis,
        home: Home,
        disks: Disks,
        shipped: str,
        heartbeat_age: Callable[[], float],
        *,
        stale_s: float = 30.0,
    ) -> None:
        self._engine, self._client, self._home = engine, client, home
        self._disks, self._shipped, self._heartbeat_age = disks, shipped, heartbeat_age
        self._stale_s = stale_s
        self._lock = threading.Lock()
        self._found: list[Metric] = []
        self._good_until = 0.0

    def collect(self) -> Iterable[Metric]:
        """The newest answer, looked up anew if it is old."""
        with self._lock:
            began = time.monotonic()
            if began >= self._good_until:
                self._found = [*self._of_worker(), *self._of_home(), *self._of_queue(), *self._of_database()]
                ended = time.monotonic()
                self._good_until = ended + min(max(_FRESH_S, _SHARE * (ended - began)), self._stale_s)
            return self._found

    def _of_worker(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "headct_heartbeat_age_seconds",
            "Since a classify worker took a message; every 15 s a heartbeat is sent.",
            self._heartbeat_age(),
        )

    def _of_home(self) -> Iterator[Metric]:
        waiting = sum(1 for _ in walk(str(self._home.inbox)))
        yield GaugeMetricFamily("headct_inbox_files", "Files in the inbox, not recorded yet.", waiting)
        paused = pause_shown(self._home) is not None
        yield GaugeMetricFamily("headct_intake_paused", "1 while the intake waits for room.", int(paused))
        free = GaugeMetricFamily("headct_disk_free_bytes", "Free below that folder.", labels=["folder"])
        for name, folder in self._disks.folders.items():
            with suppress(OSError):  # it is gone
                free.add_metric([name], shutil.disk_usage(folder).free)
        yield free

    def _of_queue(self) -> Iterator[Metric]:
        depths = GaugeMetricFamily(
            "headct_queue_messages", "Messages that no worker has taken yet.", labels=["queue"]
        )
        try:
            for queue in QUEUES:
                depths.add_metric([queue], queue_depth(self._client, queue))
            check_takes_messages(self._client)
        except BrokerUnusable:
            yield _up("headct_broker_up", "Redis takes messages", up=False)
        else:
            yield _up("headct_broker_up", "Redis takes messages", up=True)
            yield depths

    def _of_database(self) -> Iterator[Metric]:
        try:
            with read_session(self._engine) as session:
                states, oldest = counts_by_state(session), oldest_unfinished(session)
                runs, version = runs_by_state(session), version_in_use(session) or self._shipped
        except SQLAlchemyError:
            yield _up("headct_database_up", "the database answers", up=False)
            return
        yield _up("headct_database_up", "the database answers", up=True)
        files = GaugeMetricFamily("headct_files", "Files by state.", labels=["state"])
        for state, count in states.items():
            files.add_metric([state], count)
        yield files
        age = (now() - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily(
            "headct_oldest_unfinished_age_seconds", "Of the file that has waited longest; 0: none.", age
        )
        training = GaugeMetricFamily("headct_training_runs", "Training runs by state.", labels=["state"])
        for run_state, count in runs.items():
            training.add_metric([run_state], count)
        yield training
        yield InfoMetricFamily("headct_model", "The model version in use.", {"version": version})


class _WorkerCollector(Collector):
    """What the classify processes have counted, added up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        try:
            files = map(
                str, self._folder.glob("*.db")
            )  # the collector's own search trips over a [ in the path
            return list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]
        except (OSError, ValueError, struct.error):  # a worker starts: its files are just removed, or made
            return []


@contextmanager
def serve_metrics(settings: Settings, home: Home, state: StateCollector) -> Iterator[None]:
    """Answer Prometheus by a thread until the block ends.

    If the port is taken by now (`headct up` looks first), that is logged, and the work goes on without.
    """
    registry = CollectorRegistry()
    for source in (
        FILES_TAKEN,
        CHUNKS_PUBLISHED,
        TAKEN_BACK,
        STUDIES_FINALISED,
        state,
        _WorkerCollector(home.metrics),
    ):
        registry.register(source)
    try:
        server, thread = start_http_server(metrics_port(settings), settings.metrics_address, registry)
    except PortTaken as error:
        logger.error("no metrics are served: %s", error)  # noqa: TRY400 - no trace
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def metrics_port(settings: Settings) -> int:
    """The port that the metrics will be served on.

    Raises
    ------
    PortTaken
    """
    return free_port("The metrics", "HEADCT_METRICS", settings.metrics_address, settings.metrics_port)


def _up(name: str, what: str, *, up: bool) -> Metric:
    return GaugeMetricFamily(name, f"1 if {what}.", int(up))

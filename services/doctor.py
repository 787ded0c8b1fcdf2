"""Is all well, and what to do if not. Each check returns nothing if all is well."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from core.broker import broker_url, check_takes_messages, queue_depth, redis_client
from core.errors import BrokerAway, HeadctError, NotLookedAt, NotRunning, WorkersDeaf
from core.heartbeat import check_heard
from core.left_alone import is_unfinished
from core.printable import printable
from core.queues import INFERENCE_QUEUE
from core.store import holds_anything, is_being_written, open_regular
from core.surroundings import in_force
from db.engine import in_one_line, read_session
from db.queries import has_stored_files
from db.requeue import left_behind
from db.revision import check_migrated
from db.training_runs import check_begun
from models.serving import check_servable
from scheduler.claims import CLAIMS, check_claims
from scheduler.inbox import check_inbox, is_real_folder, regular_file, walk
from scheduler.intake import STORE_AWAY, TOO_LARGE
from scheduler.room import Disks
from services.context import Context, check_rights, open_home
from services.models import model_in_use
from services.supervision import check_parts, ended_parts

# A file that was not written for so long (in seconds), and is still open for it, was forgotten.
_HELD_S = 600
# Each folder of the inbox takes one inotify watch; other programs of this user need some too.
_SPARE_WATCHES = 1024
_OF_POSTGRESQL = ("root.crt", "root.crl", "postgresql.crt", "postgresql.key")
_PARTS, _DATABASE, _BROKER = "parts of headct up", "database and its migration", "broker"
_CLASSIFY_WORKER, _TRAINING_WORKER = "classify worker", "training worker"
_MODEL, _RESULTS = "model", "results"
_NEEDED_BY = {_BROKER: (_CLASSIFY_WORKER,), _DATABASE: (_TRAINING_WORKER, _MODEL, _RESULTS)}
_WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")


def run_checks(*, names: bool = False) -> Iterator[tuple[str, HeadctError | None]]:
    """Each check's name, and what is wrong, or None.

    Parameters
    ----------
    names
        Whether a file may be named, which can identify a patient.
    """
    try:
        context = open_home()
        check_rights(context)
    except HeadctError as error:
        yield "settings and home", error
        return
    yield "settings and home", None
    checks: list[tuple[str, Callable[[Context], None]]] = [
        (_PARTS, lambda context: check_parts(context, ended_parts(context.home))),
        ("inbox", partial(_inbox, names=names)),
        ("store", _store),
        ("free disk", _free_disk),
        (_DATABASE, lambda context: check_migrated(context.engine)),
        (_BROKER, _broker),
        (_CLASSIFY_WORKER, _classify_worker),
        (_TRAINING_WORKER, _training_worker),
        (_MODEL, _model),
        (_RESULTS, _results),
        ("watch limit", _watch_limit),
    ]
    blocked: dict[str, str] = {}
    stopped = ""
    for name, check in checks:
        if name in blocked:
            yield name, NotLookedAt(f"not looked at: see {blocked[name]}.")
            continue
        problem = _problem(check, context)
        if isinstance(problem, NotRunning):
            blocked[_TRAINING_WORKER] = stopped = name
        elif stopped and isinstance(problem, (BrokerAway, WorkersDeaf)):  # as is to be expected
            problem = NotLookedAt(f"not looked at: see {stopped}.")
            blocked[_CLASSIFY_WORKER] = stopped
        elif problem:
            blocked |= dict.fromkeys(_NEEDED_BY.get(name, ()), name)
        yield name, problem
    yield _settings_of_others(context), None


def _problem(check: Callable[[Context], None], context: Context) -> HeadctError | None:
    try:
        check(context)
    except DBAPIError as error:
        return HeadctError(
            f"the database refused: {in_one_line(error)}. If it is damaged, bring it back from a backup."
        )
    except HeadctError as error:
        return error
    except OSError as error:
        return HeadctError(str(error))
    return None


def _settings_of_others(context: Context) -> str:
    """The name of the check that finds nothing bad, but names what is in force."""
    found = [*in_force()]
    if context.engine.dialect.name == "postgresql":  # libpq, "The Password File", "Client Certificates"
        of_user = (Path("~/.pgpass"), *(Path("~/.postgresql") / name for name in _OF_POSTGRESQL))
        found += [str(path) for path in of_user if os.path.exists(os.path.expanduser(path))]  # noqa: PTH110, PTH111 - also for a user without a home
    return f"settings of libraries that are in force: {', '.join(found) or 'none'}"


def _inbox(context: Context, *, names: bool) -> None:
    check_inbox(context.home.inbox)
    folders: list[str] = []
    files = [Path(path) for path in walk(str(context.home.inbox), folders.append)]
    stuck = [Path(path) for path in folders if not os.access(path, os.R_OK | os.X_OK, effective_ids=True)]
    stuck += [path for path in files if not _can_be_taken(path)]
    if stuck:
        raise HeadctError(
            f"{len(stuck)} files cannot be read or removed{_first(stuck, names)}. Run `chmod u+r` on them "
            "and `chmod u+rwx` on their folders, or change the owner; move up what has a path of more than "
            "4,095 bytes. They go at the next rescan; what could be read has its result already."
        )
    if large := [path for path in files if _has_waited(path, context.settings.max_file_mb * 2**20)]:
        raise HeadctError(f"{len(large)} files are left{_first(large, names)}: {TOO_LARGE}.")
    if held := [path for path in files if _is_held(path)]:
        raise HeadctError(
            f"{len(held)} files have not changed for {_HELD_S // 60} minutes, but another program "
            f"has them open for writing{_first(held, names)}. They are taken when it closes them: end it "
            "(`fuser -v FILE` names it)."
        )
    if unfinished := [path for path in map(Path, _left_by_name(folders)) if _is_old(path)]:
        raise HeadctError(
            f"{len(unfinished)} files or folders are left alone, since their names say that they are still "
            f"written, but have not changed for {_HELD_S // 60} minutes{_first(unfinished, names)}. Rename "
            "those that are whole, and remove the others."
        )
    _claims(context, names=names)


def _claims(context: Context, *, names: bool) -> None:
    claims, largest = context.home.inbox / CLAIMS, context.settings.max_file_mb * 2**20
    if not os.path.lexists(claims):
        return
    check_claims(claims)
    large = [path for path in claims.rglob("*") if _has_waited(path, largest)]
    if large:
        raise HeadctError(f"{len(large)} files are left in {claims}{_first(large, names)}: {TOO_LARGE}.")
    old = [claim for claim in claims.iterdir() if time.time() - claim.stat().st_mtime >= _HELD_S]
    if files := [Path(path) for claim in old for path in walk(str(claim))]:
        raise HeadctError(
            f"{len(files)} files wait in {claims} to be recorded{_first(files, names)}. Where `headct "
            "status` says that the intake pauses, end what it names; else move what is no image out of there."
        )


def _first(paths: list[Path], named: bool) -> str:
    return f", the first is {printable(str(paths[0]))}" if named else ""


def _left_by_name(folders: list[str]) -> Iterator[str]:
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            yield from (entry.path for entry in entries if is_unfinished(entry.name))


def _is_old(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.lstat().st_mtime >= _HELD_S
    return False


def _has_waited(path: Path, larger_than: float = -1) -> bool:
    """Whether a file of more than so many bytes has not changed for a while."""
    status = regular_file(path)
    return bool(status and status.st_size > larger_than and time.time() - status.st_mtime >= _HELD_S)


def _is_held(path: Path) -> bool:
    if not _has_waited(path):
        return False
    try:
        descriptor = open_regular(path)
    except OSError:
        return False
    try:
        return is_being_written(descriptor)
    finally:
        os.close(descriptor)


def _can_be_taken(path: Path) -> bool:
    folder_too = os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True)
    return folder_too and os.access(path, os.R_OK, effective_ids=True)


def _store(context: Context) -> None:
    for folder in (context.home.store, context.home.rejected):
        if not folder.is_dir():
            raise HeadctError(f"{folder} is gone. Mount its disk, or bring it back from a backup.")
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            raise HeadctError(f"{folder} cannot be written. Run `chmod u+rwx` on it or change its owner.")
    if not holds_anything(context.home.store):
        check_migrated(context.engine)
        with read_session(context.engine) as session:
            if has_stored_files(session):
                raise HeadctError(f"{STORE_AWAY}.")


def _free_disk(context: Context) -> None:
    Disks(context.settings, context.home).check()


def _broker(context: Context) -> None:
    client = redis_client(broker_url(context.settings, context.home))
    queue_depth(client, INFERENCE_QUEUE)
    check_takes_messages(client)


def _classify_worker(context: Context) -> None:
    check_heard(context.settings, context.home)


def _training_worker(context: Context) -> None:
    with read_session(context.engine) as session:
        check_begun(session)


def _model(context: Context) -> None:
    check_servable(model_in_use(context))


def _results(context: Context) -> None:
    with read_session(context.engine) as session:
        files = left_behind(session)
    if files:
        raise HeadctError(
            f"{files} files were to be classified again and have no result of the version in use: no worker "
            "could load it. worker.log says why; then `headct reclassify`."
        )


def _watch_limit(context: Context) -> None:
    if sys.platform != "linux" or context.settings.poll_seconds:
        return
    limit = int(_WATCH_LIMIT.read_text())
    folders = 1 + sum(is_real_folder(path) for path in context.home.inbox.rglob("*"))
    if limit < folders + _SPARE_WATCHES:
        raise HeadctError(
            f"the inbox has {folders} folders, and the system allows {limit} watches for all programs. Raise "
            "fs.inotify.max_user_watches with sysctl, or set HEADCT_POLL_SECONDS."
        )

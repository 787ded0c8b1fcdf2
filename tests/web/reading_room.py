"""A home with something to read in it, and the web page served for it."""

import contextlib
import io
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import httpx
import uvicorn
from sqlalchemy.orm import Session

from core.place import Place
from core.study_images import StudyFinding
from db.arrivals import NewArrival, record_arrivals
from db.images import first_images
from db.lifecycle import ModelStamp, Outcome
from db.states import Role
from db.studies import record_finding
from db.tables import Study
from models.store import shipped_model
from services import accounts
from services.audit import Who
from services.context import Context
from tests.dicom_files import ct_slice
from tests.finished import finish_files
from tests.processes import wait_until
from web.service import configuration

PASSWORD = "correct horse battery"
_CARD = shipped_model().card
STAMP = ModelStamp(_CARD.version, "0" * 64, "1", threshold=0.5)


@dataclass(frozen=True)
class Served:
    """The page of a context, on a real server."""

    context: Context
    address: str

    @contextlib.contextmanager
    def client(self, name: str | None = None) -> Iterator[httpx.Client]:
        """A client without redirects; signed in if a name is given."""
        with httpx.Client(base_url=self.address, timeout=30) as client:
            if name:
                token = csrf_of(client.get("/sign-in").text)
                form = {"csrf": token, "name": name, "password": PASSWORD}
                assert client.post("/sign-in", data=form).status_code == 303
                client.headers["X-CSRF-Token"] = csrf_of(client.get("/account").text)
            yield client


def csrf_of(page: str) -> str:
    """The CSRF token that a page carries."""
    return page.partition('name="csrf-token" content="')[2].partition('"')[0]


@contextlib.contextmanager
def served(context: Context) -> Iterator[Served]:
    """The page, served by a thread of this process."""
    if not accounts.list_all(context):
        for name, role in (("ann", Role.READER), ("bob", Role.READER), ("root", Role.ADMIN)):
            accounts.add(context, Who("test"), name, role, PASSWORD)
    server = uvicorn.Server(configuration(context, 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the page is served")
        port = server.servers[0].sockets[0].getsockname()[1]
        scheme = "https" if context.settings.web_certificate else "http"
        yield Served(context, f"{scheme}://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(20)


def add_study(
    context: Context,
    uid: str,
    slices: Sequence[bytes],
    *,
    probability: float = 0.9,
    accession_number: str | None = None,
    stat: bool = False,
    driving: Sequence[int] = (0,),
) -> int:
    """A final study of these DICOM files, from feet to head; each slice has nearly that probability."""
    label = "hemorrhage" if probability >= 0.5 else "normal"
    arrivals = [_store(context, data, f"{uid}/{number}.dcm", stat=stat) for number, data in enumerate(slices)]
    with Session(context.engine) as session, session.begin():
        ids = record_arrivals(session, arrivals)
        outcomes = [
            Outcome(
                ids[arrival.sha256],
                probability=max(0.0, probability - number / 100),
                label=label,
                place=Place(
                    uid,
                    f"{uid}.1",
                    f"{uid}.1.{number}",
                    instance_number=number + 1,
                    position_mm=5.0 * number,
                    accession_number=accession_number,
                ),
            )
            for number, arrival in enumerate(arrivals)
        ]
        finish_files(session, outcomes, STAMP)
        study = session.query(Study).filter_by(study_uid=uid).one()
        images = _images_of(session, [ids[arrival.sha256] for arrival in arrivals])
        finding = StudyFinding(
            model_version=STAMP.version,
            rule="mean5-1",
            series_id=None,
            label=label,
            label_code=None,
            label_reason=None,
            probability=probability,
            threshold=0.5,
            images_received=len(slices),
            images_assessed=len(slices),
            images_uncertain=0,
            driving_images=[images[number] for number in driving],
            warnings=None,
        )
        record_finding(session, study.id, finding)
        return study.id


def add_image(context: Context, name: str, data: bytes, probability: float) -> int:
    """A classified image without a study; returns its id."""
    arrival = _store(context, data, name)
    with Session(context.engine) as session, session.begin():
        file_id = record_arrivals(session, [arrival])[arrival.sha256]
        label = "hemorrhage" if probability >= 0.5 else "normal"
        finish_files(session, [Outcome(file_id, probability=probability, label=label)], STAMP)
        return _images_of(session, [file_id])[0]


def dicom_bytes(stored: object, **elements: object) -> bytes:
    """A DICOM file of these Hounsfield units."""
    buffer = io.BytesIO()
    ct_slice(stored, **elements).save_as(buffer, enforce_file_format=True)  # type: ignore[arg-type]
    return buffer.getvalue()


def _store(context: Context, data: bytes, name: str, *, stat: bool = False) -> NewArrival:
    digest = sha256(data).hexdigest()
    path = context.home.bytes_path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return NewArrival(digest, len(data), name, name, stat=stat)


def _images_of(session: Session, file_ids: Sequence[int]) -> list[int]:
    found = first_images(session, file_ids)
    return [found[file_id] for file_id in file_ids]

"""What no page asks for is refused in words, never a fault: on both kinds of database."""

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.home import Home
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import make_engine
from services.context import Context
from tests.web.reading_room import Served, add_study, csrf_of, dicom_bytes, served

_LARGE, _LONG = 2**63, "9" * 5000
_ASKED = [
    *(f"/{page}/{id_}" for page in ("studies", "images", "training") for id_ in (2**31, _LARGE, _LONG)),
    *(
        f"/api/v1/{what}"
        for what in (f"studies/{_LARGE}", f"images/{_LARGE}/pixels", f"training-runs/{_LARGE}")
    ),
    f"/?page={_LONG}",
    "/?page=99999999",
    *(f"/?{side}={day}" for side in ("since", "until") for day in ("9999-12-31", "0001-01-01", "2026-13-01")),
    "/?search=a%00b",
    "/models/compare?a=%00&b=..",
    "/quality?version=%00",
    "/sign-in?next=//[&",
    f"/api/v1/studies?limit={_LONG}",
    "/api/v1/readings?study_id=1999999999999999999999",
    f"/api/v1/following?image_id={_LONG}",
    "/api/v1/following?study_id=1&until=9999-12-31",
]
_SAID = [
    b'{"label": "normal", "study_id": %d}' % _LARGE,
    b'{"label": "normal", "image_id": -1}',
    b'{"label": "normal", "study_id": 1, "note": "a\\u0000b"}',
    b'{"label": "normal", "study_id": 1, "note": "\\ud800"}',
    b'{"x":' * 100_000,
]


@pytest.fixture
def room(settings: Settings, home: Home, engine: Engine):  # type: ignore[no-untyped-def]  # noqa: ANN201
    with served(Context(settings, home, engine)) as room:
        yield room


def test_what_no_page_asks_is_no_fault(room: Served) -> None:
    study = add_study(room.context, "1.2.1", [dicom_bytes(np.zeros((64, 64), np.int16))])
    with Session(room.context.engine) as session, session.begin():
        record_arrivals(session, [NewArrival("f" * 64, 1, "1.png", None, study=f"id={study}")])
    with room.client("root") as root, room.client() as nobody:
        assert root.get(f"/studies/{study}").status_code == 200  # whatever another is named
        for path in _ASKED:
            assert root.get(path).status_code in {303, 400, 404}, path
        for body in _SAID:
            assert root.post("/api/v1/readings", content=body).status_code == 422, body[:60]
        for path in (f"/api/v1/readings/{_LARGE}", f"/training/{_LARGE}/cancel"):
            assert root.request("DELETE" if "readings" in path else "POST", path).status_code == 404
        form = {"csrf": csrf_of(nobody.get("/sign-in").text), "name": "a\0b", "password": "x"}
        assert nobody.post("/sign-in", data=form).status_code == 400


def test_a_fault_too_is_answered_behind_the_locks(room: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise OverflowError

    with room.client("ann") as ann:
        monkeypatch.setattr("web.pages.system.read_state", broken)
        answer: httpx.Response = ann.get("/system")
        assert answer.status_code == 500
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert ann.get("/account").status_code == 200  # on the same connection


def test_a_database_that_is_too_busy_is_told_as_away(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    busy = make_engine(sqlite_engine.url)
    with served(Context(settings, home, busy)) as room, room.client("ann") as ann:
        busy.pool._timeout = 0.1  # type: ignore[attr-defined]
        held = [busy.execution_options(read_only=True).connect() for _ in range(15)]
        answer = ann.get("/api/v1/studies")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        for connection in held:
            connection.close()
        assert ann.get("/api/v1/studies").status_code == 200
    busy.dispose()

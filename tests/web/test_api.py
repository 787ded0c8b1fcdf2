"""The JSON interface: its document, and its errors."""

import json
from typing import Any

import httpx
import numpy as np
import pytest
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.tables import Image, StudyResult
from db.training_runs import RunRequest, request_run
from services.context import Context
from services.models import record_shipped_version
from tests.web.reading_room import Served, add_study, dicom_bytes


@pytest.fixture
def document(ann: httpx.Client) -> OpenAPI:
    known = {"application/problem+json": json.loads}
    found = ann.get("/api/v1/openapi.json").json()
    return OpenAPI.from_dict(found, config=Config(extra_media_type_deserializers=known))


class _Asked:
    """An answer's request, as the validator wants it."""

    def __init__(self, response: httpx.Response) -> None:
        request = response.request
        self.host_url = f"{request.url.scheme}://{request.url.netloc.decode()}"
        self.path, self.method = request.url.path, request.method.lower()
        self.parameters = RequestParameters(query=dict(request.url.params), header=dict(request.headers))
        self.body, self.content_type = request.content, request.headers.get("content-type", "")


class _Told:
    def __init__(self, response: httpx.Response) -> None:
        self.status_code, self.headers = response.status_code, dict(response.headers)
        self.data, self.content_type = response.content, response.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        "studies",
        "studies/{study}",
        "studies/4711",
        "results",
        "files?sha256=" + "0" * 64,
        "files?sha256=x",
        "status",
        "models",
        "training-runs",
        "training-runs/1",
        "training-runs/4711",
    ],
)
def test_answers_are_as_the_document_says(
    context: Context, ann: httpx.Client, document: OpenAPI, path: str
) -> None:
    study = add_study(context, "1.2.1", [dicom_bytes(np.zeros((64, 64), np.int16))])
    with Session(context.engine) as session, session.begin():
        request_run(session, RunRequest(1, epochs=None, promote=True, requested_by="ann"))
    answer = ann.get(f"/api/v1/{path.format(study=study)}")
    document.validate_response(_Asked(answer), _Told(answer))


def test_an_error_has_a_code_and_says_what_to_do(ann: httpx.Client) -> None:
    problem: dict[str, Any] = ann.get("/api/v1/studies/4711").json()
    assert (problem["status"], problem["code"]) == (404, "no_such_study")
    missing = ann.get("/api/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert missing.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "known"),
    [("results?labl=normal", "only state, label, limit"), ("status?label=normal", "nor any other")],
)
def test_a_misspelt_word_is_refused_not_left_out(ann: httpx.Client, path: str, known: str) -> None:
    answer = ann.get(f"/api/v1/{path}")
    assert answer.status_code == 400
    assert known in answer.json()["detail"]


def test_a_database_that_is_away_is_told_without_its_words(room: Served) -> None:
    with room.client("ann") as ann:
        with room.context.engine.begin() as connection:
            connection.execute(text("DROP TABLE worklist_item"))
        for path in ("/", "/api/v1/studies"):
            answer = ann.get(path)
            assert answer.status_code in {500, 503}
            assert "no such table" not in answer.text
            assert "database" in answer.text


def test_the_slices_that_drive_are_those_of_the_result_that_is_shown(
    context: Context, ann: httpx.Client
) -> None:
    heads = [dicom_bytes(np.full((64, 64), value, np.int16)) for value in (0, 10)]
    study = add_study(context, "1.2.1", heads, driving=(0,))
    record_shipped_version(context)
    with Session(context.engine) as session, session.begin():
        shown = session.scalars(select(StudyResult)).one()
        values = {name: getattr(shown, name) for name in StudyResult.__table__.columns.keys() if name != "id"}  # noqa: SIM118
        others = [image for image in session.scalars(select(Image.id)) if image not in shown.driving_images]
        later = {"number": 2, "model_version": "newer", "probability": 0.1, "driving_images": others}
        session.add(StudyResult(**{**values, **later}))
        (driving,) = shown.driving_images
    found = ann.get(f"/api/v1/studies/{study}").json()
    assert found["study"]["probability"] == 0.9  # a rollback took the newer version out of use
    assert [one["drives"] for one in found["slices"]] == [True, False]
    assert f"/images/{driving}/preview" in ann.get("/").text

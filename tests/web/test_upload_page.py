"""Files that are handed over by the page and by the interface."""

import hashlib
import io
import socket
import zipfile
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.sync_api import Page

from core.home import Home
from scheduler.asked import Asked
from scheduler.inbox import find_files
from services.context import Context
from services.upload import Upload, Wanted, remove_unfinished
from tests.processes import wait_until
from tests.web.reading_room import Served, add_image, served

PNG = b"\x89PNG\r\n\x1a\n and so on"


def send(client: httpx.Client, data: bytes, **words: str) -> httpx.Response:
    return client.post("/api/v1/files", params=words, content=data)


def in_inbox(home: Home) -> dict[str, bytes]:
    return {str(path.relative_to(home.inbox)): path.read_bytes() for path in find_files(home.inbox)}


def test_a_file_is_in_the_inbox_under_its_name(home: Home, ann: httpx.Client) -> None:
    answer = send(ann, PNG, name="export/Ä 1.png", ticket="abcdefgh12")
    assert answer.status_code == 201
    assert answer.json() == {"sha256": hashlib.sha256(PNG).hexdigest(), "size_bytes": len(PNG)}
    assert in_inbox(home) == {"web/abcdefgh12/export/Ä 1.png": PNG}


def test_a_study_and_what_is_urgent_go_where_the_inbox_has_them(home: Home, ann: httpx.Client) -> None:
    send(ann, PNG, name="1.png", ticket="abcdefgh12", study="Head 7", stat="yes")
    assert list(in_inbox(home)) == ["stat/studies/Head 7/abcdefgh12/1.png"]


@pytest.mark.parametrize(
    "words",
    [
        {"name": "../../evil.png"},
        {"name": ""},
        {"name": ".hidden.png"},
        {"name": "a.part"},
        {"name": "x" * 300 + ".png"},
        {"name": "a\nb.png"},
        {"name": "a.png", "study": "../x"},
        {"name": "a.png", "study": ".x"},
        {"name": "a.png", "ticket": "../../.."},
    ],
)
def test_a_hostile_name_is_refused_and_nothing_is_kept(
    home: Home, ann: httpx.Client, words: dict[str, str]
) -> None:
    answer = send(ann, PNG, **words)
    assert answer.status_code == 409
    assert answer.json()["code"] == "upload_refused"
    assert list(home.inbox.rglob("*")) == []


def test_nothing_leads_out_of_the_inbox(home: Home, ann: httpx.Client, tmp_path: Path) -> None:
    name = str(tmp_path / "elsewhere.png").lstrip("/")
    for number, slashes in enumerate(("/", "//", "///", "\\\\", "\\/", ".//")):
        ticket = f"abcdefgh{number}"
        assert send(ann, PNG, name=slashes + name, ticket=ticket).status_code == 201
        assert in_inbox(home)[f"web/{ticket}/{name}"] == PNG
    (home.inbox / "stat").symlink_to(tmp_path)
    assert send(ann, PNG, name="1.png", stat="yes").json()["code"] == "upload_refused"
    assert not list(tmp_path.rglob("1.png"))


def test_a_file_is_no_folder_of_another(home: Home, ann: httpx.Client) -> None:
    assert send(ann, PNG, name="a", ticket="abcdefgh12").status_code == 201
    assert send(ann, PNG, name="a/b/c.png", ticket="abcdefgh12").json()["code"] == "upload_refused"
    assert list(in_inbox(home)) == ["web/abcdefgh12/a"]


def test_too_large_and_empty_files_are_refused(context: Context, home: Home) -> None:
    small = msgspec.structs.replace(context.settings, max_file_mb=0.001, max_archive_mb=0.001)
    with served(Context(small, home, context.engine)) as room, room.client("ann") as ann:
        assert send(ann, b"x" * 2000, name="a.png").json()["code"] == "too_large"

        def in_parts():  # type: ignore[no-untyped-def]  # noqa: ANN202 - its length is not announced
            yield from [b"x" * 700] * 3

        refused = ann.post("/api/v1/files", params={"name": "a.png"}, content=in_parts())
        assert refused.json()["code"] == "too_large"
        assert send(ann, b"", name="a.png").json()["detail"] == "The file is empty."
        assert list(home.inbox.rglob("*")) == []


def test_an_upload_that_breaks_off_leaves_nothing(home: Home, room: Served) -> None:
    with room.client("ann") as ann:
        cookies = "; ".join(f"{name}={value}" for name, value in ann.cookies.items())
        head = (
            "POST /api/v1/files?name=a.png HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Cookie: {cookies}\r\nX-CSRF-Token: {ann.headers['X-CSRF-Token']}\r\n"
            "Content-Length: 5000\r\n\r\n"
        )
        host, _, port = room.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + b"x" * 100)
            wait_until(lambda: list(home.inbox.iterdir()), 10, what="it begins")
        wait_until(lambda: not list(home.inbox.iterdir()), 10, what="it is gone")


def test_what_a_dead_process_left_is_removed_and_nothing_else(context: Context, home: Home) -> None:
    began = Upload(context, Wanted("a.png", "abcdefgh12", Asked()))
    began.write(PNG)
    (home.inbox / "other.png").write_bytes(PNG)
    remove_unfinished(home)
    assert [path.name for path in home.inbox.iterdir()] == ["other.png"]
    began.__exit__(None, None, None)


def test_a_full_disk_is_told(context: Context, home: Home) -> None:
    full = msgspec.structs.replace(context.settings, min_free_mb=100_000_000)
    with served(Context(full, home, context.engine)) as room, room.client("ann") as ann:
        answer = send(ann, PNG, name="a.png")
        assert answer.status_code == 507
        assert "HEADCT_MIN_FREE_MB" in answer.json()["detail"]


def test_the_same_name_twice_loses_no_file(home: Home, ann: httpx.Client) -> None:
    assert send(ann, PNG, name="a.png", ticket="abcdefgh12").status_code == 201
    assert send(ann, PNG + b"2", name="a.png", ticket="abcdefgh12").status_code == 409
    assert send(ann, PNG, name="a.png", ticket="abcdefgh12").status_code == 201  # its answer was lost
    assert in_inbox(home) == {"web/abcdefgh12/a.png": PNG}


def test_what_became_of_files_is_told(context: Context, ann: httpx.Client) -> None:
    add_image(context, "a.png", PNG, 0.8)
    known, unknown = hashlib.sha256(PNG).hexdigest(), "0" * 64
    told = ann.get(f"/api/v1/files?sha256={known},{unknown}").json()["files"]
    assert (told[0]["state"], told[0]["label"], told[1]["state"]) == ("classified", "hemorrhage", None)
    assert ann.get("/api/v1/files?sha256=x").status_code == 400


def test_a_zip_and_a_picture_are_sent_by_the_page(home: Home, tab: Page, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1.png", PNG)
    for name, data in (("study.zip", packed.getvalue()), ("one.png", PNG)):
        (tmp_path / name).write_bytes(data)
    tab.goto("/upload")
    tab.locator("#files").set_input_files([tmp_path / "study.zip", tmp_path / "one.png"])
    tab.locator("#sent td", has_text="waits to be taken in").nth(1).wait_for()
    assert sorted(in_inbox(home).values()) == sorted([packed.getvalue(), PNG])

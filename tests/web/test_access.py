"""Who may do what on the web page; what keeps others out."""

import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
from playwright.sync_api import Page
from sqlalchemy import text

from core.secret import kept_secret
from db.audit import AuditFilter
from db.states import Role
from services import accounts, slices
from services.audit import Who, entries
from services.context import Context
from tests.browsing import sign_in
from tests.tls import make_authority
from tests.web.reading_room import PASSWORD, Served, add_study, csrf_of, dicom_bytes, served
from web.routes import ROUTES
from web.routes import Served as Route
from web.sessions import Sessions

_FOR_EVERYBODY = {"sign_in", "do_sign_in"}


def ask(client: httpx.Client, route: Route) -> int:
    path = route.path
    for name in ("study_id", "image_id", "reading_id", "run_id", "id"):
        path = path.replace(f"{{{name}:int}}", "4711")
    return client.request(route.method, path).status_code


def test_each_route_is_for_the_roles_that_the_table_names(room: Served) -> None:
    with room.client() as nobody, room.client("ann") as ann, room.client("root") as root:
        for route in ROUTES:
            if route.name in {*_FOR_EVERYBODY, "sign_out", "sign_out_everywhere"}:
                continue
            assert ask(nobody, route) in {303, 401}, route
            assert (ask(ann, route) == 403) is (route.role == Role.ADMIN), route
            assert ask(root, route) not in {401, 403}, route


def test_only_signing_in_is_for_everybody() -> None:
    assert {route.name for route in ROUTES if route.role is None} == _FOR_EVERYBODY


def test_a_change_needs_the_token_of_its_session(room: Served) -> None:
    with room.client("ann") as ann:
        token = ann.headers.pop("X-CSRF-Token")
        assert ann.post("/sign-out").status_code == 403
        with room.client("bob") as bob:
            other = bob.headers["X-CSRF-Token"]
        assert ann.post("/sign-out", data={"csrf": other}).status_code == 403
        assert ann.post("/sign-out", data={"csrf": token}).status_code == 303
        assert ann.get("/").status_code == 303


def test_the_cookie_is_for_this_server_and_no_script(room: Served) -> None:
    with room.client() as client:
        cookie = client.get("/sign-in").headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie  # over plain HTTP on loopback


def test_headers_keep_the_browser_from_running_anything_else(ann: httpx.Client) -> None:
    for path in ("/", "/sign-in", "/nothing", "/api/v1/studies", "/static/style.css"):
        headers = ann.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_under_tls_the_cookie_is_for_tls_alone(context: Context, tmp_path: Path) -> None:
    authority, trusted = make_authority(tmp_path)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    with served(replace_settings(context, web_certificate=certificate, web_key=key)) as room:
        answer = httpx.get(f"{room.address}/sign-in", verify=ssl.create_default_context(cafile=trusted))
    assert "secure" in answer.headers["set-cookie"].lower()


def test_another_host_name_is_refused(room: Served) -> None:
    with room.client() as client:
        assert client.get("/sign-in", headers={"Host": "evil.example"}).status_code == 400


def test_signing_in_is_slowed_after_failures_and_does_not_tell_names(room: Served) -> None:
    with room.client() as client:
        token = csrf_of(client.get("/sign-in").text)

        def failing(name: str) -> httpx.Response:
            return client.post("/sign-in", data={"csrf": token, "name": name, "password": "wrong"})

        told = {name: failing(name).text.replace(name, "NAME") for name in ("ann", "nobody")}
        assert told["ann"] == told["nobody"]
        answers = [failing("ann") for _ in range(3)]
        assert [answer.status_code for answer in answers[:2]] == [401, 401]
        slowed = failing("ann")
        assert slowed.status_code == 429
        assert int(slowed.headers["retry-after"]) >= 1
    assert len(entries(room.context, AuditFilter(action=accounts.REFUSED))) >= 4


def test_many_guesses_at_once_are_slowed_as_one_after_the_other(room: Served) -> None:
    with room.client("ann") as ann:

        def guess(number: int) -> int:
            form = {"old": f"guess {number}", "new": "another good word", "again": "another good word"}
            return ann.post("/account/password", data=form).status_code

        with ThreadPoolExecutor(20) as together:
            assert set(together.map(guess, range(20))) == {422}
        refused = entries(room.context, AuditFilter(action=accounts.REFUSED, account="ann"))
        assert len(refused) <= 6
        with room.client() as client:
            form = {"csrf": csrf_of(client.get("/sign-in").text), "name": "ann", "password": PASSWORD}
            assert client.post("/sign-in", data=form).status_code == 429


def test_nothing_is_changed_without_the_audit(room: Served) -> None:
    add_study(room.context, "1.2.1", [dicom_bytes(np.arange(4096, dtype=np.int16).reshape(64, 64))])
    engine = room.context.engine
    with room.client("ann") as ann:
        with engine.begin() as connection:
            connection.execute(
                text("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")
            )
        for subject in ({"study_id": 1}, {"image_id": 1}):
            said = {"label": "normal", **subject}
            assert ann.post("/api/v1/readings", json=said).status_code == 500
        assert ann.post("/api/v1/files?name=a.png", content=b"x").status_code == 500
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM reading")) == 0
        assert [path for path in room.context.home.inbox.rglob("*") if path.is_file()] == []


def test_no_picture_is_seen_without_the_audit(room: Served) -> None:
    for number in (1, 2):
        add_study(room.context, f"1.2.{number}", [dicom_bytes(np.full((64, 64), number, np.int16))])
    with room.client("ann") as ann, room.client("bob") as bob:

        def looked(client: httpx.Client, path: str) -> list[str | None]:
            before = len(entries(room.context, AuditFilter()))
            assert client.get(path).status_code in {200, 409}  # there is no model that explains
            new = entries(room.context, AuditFilter())[: len(entries(room.context, AuditFilter())) - before]
            return [one.subject for one in new if one.action.startswith("look")]

        assert looked(ann, "/api/v1/following?study_id=1") == ["study 2"]
        (given,) = ann.get("/api/v1/following?study_id=1").json()["pixels"]
        assert looked(ann, given) == []  # whoever was told of it stands there already
        assert looked(bob, given) == ["image 2"]
        sha256 = ann.get("/api/v1/results").json()["results"][0]["sha256"]
        guessed = f"/api/v1/images/2/pixels?v={slices.tag_of(sha256, 0)}"
        assert looked(ann, guessed) == ["image 2"]


def test_a_session_ends_at_a_new_password_and_when_the_account_is_disabled(room: Served) -> None:
    with room.client("ann") as ann, room.client("bob") as bob:
        form = {"old": PASSWORD, "new": "another good word", "again": "another good word"}
        with room.client("ann") as here:
            assert here.post("/account/password", data=form).status_code == 303
            assert here.get("/account").status_code == 200  # that one goes on
        assert ann.get("/account").status_code == 303
        accounts.set_disabled(room.context, Who("root"), "bob", disabled=True)
        assert bob.get("/account").status_code == 303


def test_a_session_ends_without_use(room: Served, context: Context) -> None:
    sessions = Sessions(kept_secret(context.home, "web_secret"), 60, "")
    with room.client("ann") as ann:
        assert ann.get("/account").status_code == 200
        old = sessions.begin(1, 1)
        signed = sessions._signer.dumps(old._replace(used=old.used - 3601))
        ann.cookies.clear()
        assert ann.get("/account", headers={"Cookie": f"headct={signed}"}).status_code == 303
        signed = sessions._signer.dumps(old._replace(used=old.used - 3500))
        for path, renews in (("/account", True), ("/api/v1/images/1/preview", False)):
            answer = ann.get(path, headers={"Cookie": f"headct={signed}"})
            assert ("set-cookie" in answer.headers) is renews, path


def test_a_token_opens_the_interface_and_no_page(room: Served) -> None:
    token = accounts.make_token(room.context, Who("ann"), "ann", "script")
    with room.client() as client:
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/api/v1/studies", headers=headers).status_code == 200
        assert client.get("/", headers=headers).status_code == 303
        as_curl = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        sent = client.post("/api/v1/files?name=a.png", headers=as_curl, content=b"&" * 500)
        assert sent.status_code == 201
        accounts.revoke_token(room.context, Who("ann"), "ann", "script")
        answer = client.get("/api/v1/studies", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "not_signed_in"
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_proxy_names_who_has_signed_in_only_from_its_address(context: Context) -> None:
    changes = {"web_user_header": "X-Remote-User", "web_proxies": "127.0.0.1"}
    behind = replace_settings(context, **changes)
    with served(behind) as room, room.client() as client:
        assert "ann" in client.get("/account", headers={"X-Remote-User": "ann"}).text
        assert client.get("/account", headers={"X-Remote-User": "stranger"}).status_code == 303
        assert client.get("/account").status_code == 303


def test_nobody_else_names_who_has_signed_in(context: Context) -> None:
    elsewhere = replace_settings(context, web_user_header="X-Remote-User", web_proxies="192.0.2.7")
    with served(elsewhere) as room, room.client() as client:
        forged = {"X-Remote-User": "root", "X-Forwarded-For": "192.0.2.7"}
        assert client.get("/account", headers=forged).status_code == 303


def replace_settings(context: Context, **changes: object) -> Context:
    return replace(context, settings=msgspec.structs.replace(context.settings, **changes))


def test_below_a_prefix_every_address_has_it(context: Context) -> None:
    with served(replace_settings(context, web_prefix="/ct/head")) as room:
        client = httpx.Client(base_url=f"{room.address}/ct/head")
        page = client.get("/sign-in").text
        assert 'action="/ct/head/sign-in"' in page
        form = {"csrf": csrf_of(page), "name": "ann", "password": PASSWORD, "next": "//evil.example/"}
        answer = client.post("/sign-in", data=form)
        assert answer.headers["location"] == "/ct/head/"
        assert "Path=/ct/head" in answer.headers["set-cookie"]
        assert client.get("/api/v1/studies").status_code == 200


@pytest.mark.parametrize(
    "asked", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"]
)
def test_signing_in_leads_to_no_other_server(room: Served, asked: str) -> None:
    with room.client() as client:
        form = {
            "csrf": csrf_of(client.get("/sign-in").text),
            "name": "ann",
            "password": PASSWORD,
            "next": asked,
        }
        assert client.post("/sign-in", data=form).headers["location"] == "/"


def test_signing_out_leaves_nothing_in_the_browser(context: Context, tab: Page) -> None:
    values = np.arange(64 * 64).reshape(64, 64) % 100
    add_study(context, "1.2.1", [dicom_bytes(values.astype(np.int16))])
    kept: list[bool] = []
    network = tab.context.new_cdp_session(tab)
    network.send("Network.enable")
    network.on(
        "Network.responseReceived",
        lambda event: (
            "/pixels" in event["response"]["url"] and kept.append(event["response"]["fromDiskCache"])
        ),
    )
    for _ in range(2):
        tab.goto("/studies/1")
        tab.wait_for_selector("#stage[data-shown='0']")
    assert kept == [False, True]
    tab.fill("#note", "about the patient")
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/sign-in*")
    assert tab.evaluate("Object.keys(sessionStorage)") == []
    sign_in(tab, "ann", PASSWORD)
    tab.goto("/studies/1")
    tab.wait_for_selector("#stage[data-shown='0']")
    assert kept == [False, True, False]

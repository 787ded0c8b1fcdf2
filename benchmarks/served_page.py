"""The web page, served to a client that has signed in."""

import contextlib
import threading
import time
from collections.abc import Iterator

import httpx
import uvicorn

from db.states import Role
from services import accounts
from services.audit import Who
from services.context import Context
from web.service import configuration

PASSWORD = "benchmark of the page"  # noqa: S105 - made up


@contextlib.contextmanager
def served(context: Context) -> Iterator[httpx.Client]:
    """A client of the page, which a thread serves."""
    if not accounts.list_all(context):
        accounts.add(context, Who("benchmark"), "reader", Role.READER, PASSWORD)
    server = uvicorn.Server(configuration(context, 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            page = client.get("/sign-in").text
            token = page.partition('name="csrf-token" content="')[2].partition('"')[0]
            client.post("/sign-in", data={"csrf": token, "name": "reader", "password": PASSWORD})
            yield client
    finally:
        server.should_exit = True
        thread.join()

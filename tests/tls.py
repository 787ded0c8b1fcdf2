"""TLS in front of the real Redis, whose embedded server has none: by Python, with a self-made certificate."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import trustme


def make_authority(folder: Path) -> tuple[trustme.CA, Path]:
    """A new authority, and the file of its certificate."""
    authority = trustme.CA()
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


@contextlib.contextmanager
def tls_before(socket: Path, authority: trustme.CA, *, clients_too: bool = False) -> Iterator[int]:
    """A port of 127.0.0.1 that hands what comes by TLS on to a unix socket.

    Parameters
    ----------
    clients_too
        Whether a client must show a certificate of the same authority, as Redis asks for by default.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    if clients_too:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_serve(socket, context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


async def _serve(socket: Path, context: ssl.SSLContext) -> asyncio.Server:
    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(2**16):
                target.write(data)
                await target.drain()
        target.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            redis_reader, redis_writer = await asyncio.open_unix_connection(socket)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, redis_writer), pump(redis_reader, writer))

    return await asyncio.start_server(connect, "127.0.0.1", 0, ssl=context)

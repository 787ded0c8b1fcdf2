"""All that a Redis holds and is told, to look for what must not be there."""

import base64
import contextlib
import re
import socket
import threading

import redis

from core.home import Home
from core.secret import kept_secret


class Wiretap:
    """Everything that is said to a Redis from now on, as its command MONITOR tells."""

    def __init__(self, home: Home) -> None:
        self.heard = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(home.redis_socket))
        self._socket.sendall(f"AUTH {kept_secret(home, 'redis_password')}\r\nMONITOR\r\n".encode())
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._socket.recv(2**16):
                self.heard += data

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


def dump(client: "redis.Redis") -> bytes:
    """The whole keyspace: every key with its value, whatever its type."""
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    found = []
    for key in client.scan_iter():
        kind = client.type(key)
        found.append((key, read[kind if isinstance(kind, bytes) else kind.encode()](key)))
    return repr(found).encode()


def with_decoded(text: bytes) -> bytes:
    """The text, and whatever base64 hides in it."""
    found = [text]
    for part in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", text):
        with contextlib.suppress(ValueError):
            found.append(base64.b64decode(part[: len(part) // 4 * 4]))
    return b"\n".join(found)

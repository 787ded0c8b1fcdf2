"""Files: handed over, and what became of them."""

import re
import secrets

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.errors import ImageTooLarge
from scheduler.asked import Asked
from services.became import became
from services.upload import Upload, Wanted, most_bytes
from web.access import context, who
from web.api import shapes
from web.api.answers import told

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PORTION, _MOST = 1024 * 1024, 200


async def upload(request: Request) -> Response:
    """Put a file into the inbox: its bytes are the body, its path the word `name`.

    Files with one `ticket` were dropped together. `study` names the study that they are, `stat=yes` lets them
    go before others.
    """
    ours, words = context(request), request.query_params
    settings = ours.settings
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most_bytes(settings):
        raise ImageTooLarge.archive(settings.max_archive_mb)
    asked = Asked(words.get("study") or None, words.get("stat") == "yes")
    wanted = Wanted(words.get("name", ""), words.get("ticket") or secrets.token_hex(8), asked)
    receiving = await run_in_threadpool(Upload, ours, wanted)
    try:
        with receiving:
            held = bytearray()
            async for part in request.stream():
                held += part
                if len(held) >= _PORTION:
                    await run_in_threadpool(receiving.write, bytes(held))
                    held.clear()
            await run_in_threadpool(receiving.write, bytes(held))
            sha256 = await run_in_threadpool(receiving.finish, who(request))
    except ClientDisconnect as error:
        raise HTTPException(400, "The upload broke off; nothing of that file was kept.") from error
    return told(shapes.Uploaded(sha256, receiving.size), 201)


def show(request: Request) -> Response:
    """What became of files, named by their SHA-256 with commas between, at most 200."""
    hashes = list(dict.fromkeys(request.query_params.get("sha256", "").split(",")))
    if len(hashes) > _MOST or not all(_SHA256.fullmatch(one) for one in hashes):
        raise HTTPException(400, f"Name 1 to {_MOST} files by their SHA-256, with commas between.")
    return told(shapes.BecameAll(became(context(request), hashes)))

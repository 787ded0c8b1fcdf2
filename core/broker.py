"""Where Redis is, and what can be asked of it directly."""

from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.broker_url import tls_options, without_tls_options
from core.errors import BrokerAway, BrokerUnusable
from core.home import Home
from core.secret import kept_secret
from core.settings import Settings


def broker_url(settings: Settings, home: Home) -> str:
    """The configured broker, or the embedded one's unix socket with its generated password."""
    if settings.broker_url:
        return settings.broker_url.get_secret_value()
    return f"redis+socket://:{quote(kept_secret(home, 'redis_password'))}@{quote(str(home.redis_socket))}"


def redis_client(url: str) -> "redis.Redis":
    """A client that fails within seconds instead of waiting for a dead server."""
    return redis.Redis.from_url(
        without_tls_options(url).replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db="),
        socket_timeout=5,
        retry=Retry(NoBackoff(), 0),
        **tls_options(url),
    )


def queue_depth(client: "redis.Redis", queue: str) -> int:
    """Messages that no worker has taken yet.

    Raises
    ------
    BrokerUnusable
    """
    try:
        return int(client.llen(queue))
    except redis.RedisError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise BrokerUnusable(
                f"The certificate of Redis is not trusted ({error}). If it is the right one, name the "
                "certificate of its authority in HEADCT_BROKER_URL: rediss://...?ssl_ca_certs=FILE."
            ) from error
        raise BrokerAway(
            f"Redis does not answer ({error}). Start it, or correct HEADCT_BROKER_URL."
        ) from error


def check_takes_messages(client: "redis.Redis") -> None:
    """Raise if Redis answers, but refuses to be written: its memory or its disk is full, or it is a replica.

    Raises
    ------
    BrokerUnusable
    """
    try:
        client.lpushx("headct-no-list", "")  # a write that changes nothing where there is no such list
    except redis.RedisError as error:
        raise BrokerUnusable(
            f"Redis takes no messages ({error}). Files wait in the database and go on by themselves: make "
            "room on the disk of its file, or raise its `maxmemory`."
        ) from error

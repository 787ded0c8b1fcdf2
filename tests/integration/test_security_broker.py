"""Who may speak to Redis: the embedded one by its password and folder, an external one by TLS too."""

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
import trustme
from celery import Celery

from core.broker import broker_url, queue_depth, redis_client
from core.errors import BrokerUnusable
from core.home import Home
from core.queues import INFERENCE_QUEUE
from core.secret import Secret, kept_secret
from core.settings import Settings
from tests.processes import redis_process
from tests.tls import make_authority, tls_before
from worker.app import CLASSIFY_TASK, create_app

Authority = tuple[trustme.CA, Path]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose Redis runs."""
    home = Home(tmp_path_factory.mktemp("redis") / "home")
    home.make()
    with redis_process(Settings(home=home.root), home):
        yield home


@pytest.fixture(autouse=True)
def empty_queue(home: Home) -> None:
    redis_client(broker_url(Settings(home=home.root), home)).flushall()


def test_the_embedded_redis_asks_for_its_password_and_listens_nowhere_else(home: Home) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis_client(f"unix://{home.redis_socket}").ping()
    with pytest.raises(redis.AuthenticationError):
        redis_client(f"unix://:wrong@{home.redis_socket}").ping()
    configured = redis_client(broker_url(Settings(home=home.root), home)).config_get("port")
    assert configured == {"port": "0"}
    assert stat.S_IMODE(home.redis_socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.redis_socket.stat().st_mode) == 0o600
    for path in home.redis.iterdir():
        assert not path.stat().st_mode & 0o077, path.name


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


@pytest.fixture
def port(home: Home, authority: Authority) -> Iterator[int]:
    """Redis behind TLS."""
    with tls_before(home.redis_socket, authority[0]) as port:
        yield port


def url_of(home: Home, port: int, *options: str, scheme: str = "rediss", host: str = "127.0.0.1") -> str:
    return f"{scheme}://:{quote(kept_secret(home, 'redis_password'))}@{host}:{port}/0?{'&'.join(options)}"


def app_of(home: Home, url: str) -> Celery:
    return create_app(Settings(home=home.root, broker_url=Secret(url)), home)


def publish(home: Home, url: str) -> None:
    """A task, by Celery."""
    app_of(home, url).send_task(CLASSIFY_TASK, ([1],), queue=INFERENCE_QUEUE, retry=False)


def test_tls_with_the_certificate_of_its_authority(home: Home, port: int, authority: Authority) -> None:
    url = url_of(home, port, f"ssl_ca_certs={authority[1]}", "ssl_cert_reqs=required")
    publish(home, url)
    assert queue_depth(redis_client(url), INFERENCE_QUEUE) == 1


def test_a_certificate_that_is_not_trusted_is_refused(home: Home, port: int, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, other = make_authority(tmp_path / "other")
    for url in (url_of(home, port), url_of(home, port, f"ssl_ca_certs={other}")):
        with pytest.raises(BrokerUnusable, match=r"is not trusted.*ssl_ca_certs=FILE"):
            queue_depth(redis_client(url), INFERENCE_QUEUE)
    with (
        app_of(home, url_of(home, port)).connection_for_write() as celery,
        pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        celery.connect()


def test_a_certificate_of_another_host_is_refused(home: Home, port: int, authority: Authority) -> None:
    url = url_of(home, port, f"ssl_ca_certs={authority[1]}", host="localhost")
    with pytest.raises(BrokerUnusable, match="is not trusted"):
        queue_depth(redis_client(url), INFERENCE_QUEUE)


def test_a_redis_behind_tls_does_not_answer_without_it(home: Home, port: int) -> None:
    with pytest.raises(BrokerUnusable, match="does not answer"):
        queue_depth(redis_client(url_of(home, port, scheme="redis").rstrip("?")), INFERENCE_QUEUE)


def test_a_certificate_of_ones_own_is_shown_where_redis_asks_for_it(
    home: Home, authority: Authority, tmp_path: Path
) -> None:
    mine = authority[0].issue_cert("headct.example")
    certificate, key = tmp_path / "mine.pem", tmp_path / "mine.key"
    mine.cert_chain_pems[0].write_to_path(str(certificate))
    mine.private_key_pem.write_to_path(str(key))
    with tls_before(home.redis_socket, authority[0], clients_too=True) as port:
        bare = url_of(home, port, f"ssl_ca_certs={authority[1]}")
        with pytest.raises(BrokerUnusable, match="does not answer"):
            queue_depth(redis_client(bare), INFERENCE_QUEUE)
        url = f"{bare}&ssl_certfile={certificate}&ssl_keyfile={key}"
        publish(home, url)
        assert queue_depth(redis_client(url), INFERENCE_QUEUE) == 1

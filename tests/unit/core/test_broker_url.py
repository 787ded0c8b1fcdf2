from pathlib import Path

import pytest

from core.broker_url import celery_url, check_broker_url, tls_options, without_tls_options
from core.errors import SettingsError
from core.settings import load_settings


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://localhost:6379/0", "must hold the password"),
        ("redis://user@localhost/0", "must hold the password"),
        ("rediss://redis.example/0?ssl_ca_certs=/nowhere", "must hold the password"),
        ("redis+socket:///run/redis.sock", "must hold the password"),
        ("amqp://user:hunter2@host", "must start with"),
        ("redis://:hunter2/x@host/0", "special characters"),
        ("redis://:hunter2@host/0?timeout=1", "nothing"),
        ("redis://:hunter2@host/0?ssl_cert_reqs=required", "nothing"),
        ("rediss://:hunter2@host/0?ssl_chec_hostname=false", "only ssl_ca_certs, ssl_cert_reqs"),
        ("rediss://:hunter2@host/0?ssl_cert_reqs=none", "anybody on the way"),
        ("rediss://:hunter2@host/0?ssl_cert_reqs=optional", "anybody on the way"),
        ("rediss://:hunter2@host/0?ssl_cert_reqs=", "anybody on the way"),
        ("redis+socket://:hunter2@/run/redis.sock?virtual_host=x", "by its number"),
        ("rediss://:hunter2@host/first", "by its number"),
        ("rediss://:hunter2@host/0?ssl_ca_certs=/nowhere/ca.pem", "/nowhere/ca.pem"),
    ],
)
def test_a_url_that_leaves_redis_open_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str, told: str
) -> None:
    monkeypatch.setenv("HEADCT_BROKER_URL", url)
    with pytest.raises(SettingsError, match=r"HEADCT_BROKER_URL=\(not shown") as caught:
        load_settings()
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@redis:6379/0",
        "redis://user:a%2Fb@[::1]:6379/0",
        "rediss://:hunter2@host/0",
        "rediss://:hunter2@host/0?ssl_cert_reqs=CERT_REQUIRED",
        "redis+socket://:hunter2@/run/redis.sock?virtual_host=2",
    ],
)
def test_a_url_with_a_password_is_allowed(url: str) -> None:
    check_broker_url(url)


def test_certificates_are_checked_without_being_asked_for(tmp_path: Path) -> None:
    authority = tmp_path / "a certificate.pem"
    authority.touch()
    url = "rediss://:hunter2@host/0?ssl_ca_certs=" + str(authority).replace(" ", "%20")
    check_broker_url(url)
    assert tls_options(url)["ssl_ca_certs"] == str(authority)
    for checked in (url, "rediss://:hunter2@host/0"):
        assert tls_options(checked)["ssl_cert_reqs"].name == "CERT_REQUIRED"
        assert tls_options(checked)["ssl_check_hostname"]
    assert without_tls_options(url) == "rediss://:hunter2@host/0"
    assert celery_url("rediss://:hunter2@host/0") == "rediss://:hunter2@host/0?ssl_cert_reqs=required"
    assert celery_url(url) == f"{url}&ssl_cert_reqs=required"
    assert celery_url(celery_url(url)) == celery_url(url)


def test_other_urls_have_no_tls() -> None:
    for url in ("redis://:hunter2@host/0", "redis+socket://:hunter2@/run/redis.sock?virtual_host=2"):
        assert tls_options(url) == {}
        assert without_tls_options(url) == celery_url(url) == url

"""The certificate of the web page."""

from pathlib import Path

import msgspec
import pytest

from core.errors import SettingsError
from core.settings import Settings
from core.tls import check_tls
from tests.tls import make_authority


@pytest.fixture
def certified(settings: Settings, tmp_path: Path) -> Settings:
    authority, _ = make_authority(tmp_path)
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return msgspec.structs.replace(settings, web_certificate=certificate, web_key=key)


def test_none_and_both_are_well(settings: Settings, certified: Settings) -> None:
    check_tls(settings)
    check_tls(certified)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"web_key": None}, "go together"),
        ({"web_certificate": None}, "go together"),
        ({"web_key": Path("gone.pem")}, "cannot be used: No such file"),
        ({"web_key": Path(__file__)}, "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_told(certified: Settings, changed: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        check_tls(msgspec.structs.replace(certified, **changed))

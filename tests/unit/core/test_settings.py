from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import DESCRIPTIONS, load_settings


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert settings.home == Path.cwd() / "var"
    assert settings.chunk_size == 32


def test_a_wrong_value_names_the_variable_the_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADCT_FLOWER_PORT", "99999")
    with pytest.raises(SettingsError, match=r"HEADCT_FLOWER_PORT=99999 is not allowed.*65535"):
        load_settings()


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_FLOWER_PROT", "5555")
    with pytest.raises(SettingsError, match="HEADCT_FLOWER_PROT is no setting"):
        load_settings()


@pytest.mark.parametrize("variable", ["HEADCT_DATABASE_URL", "HEADCT_BROKER_URL"])
@pytest.mark.parametrize(
    "url", ["mysql://user:hunter2@host/name", "amqp:user:hunter2", "x://u:hunter2/y@host"]
)
def test_a_wrong_url_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    with pytest.raises(SettingsError, match=rf"{variable}=\(not shown.*must start with") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HEADCT_FLOWER_PASSWORD", "hunter2,more"),
        ("HEADCT_FLOWER_USER", "a,b"),
        ("HEADCT_FLOWER_USER", "a:b"),
    ],
)
def test_what_flower_would_read_as_two_logins_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}.*comma") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_a_setting_is_read_from_the_file_that_its_variable_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    monkeypatch.setenv("HEADCT_FLOWER_PASSWORD_FILE", str(secret))
    password = load_settings().flower_password
    assert password is not None
    assert password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(load_settings())


def test_a_missing_file_of_a_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_DATABASE_URL_FILE", "/nowhere")
    with pytest.raises(SettingsError, match=r"HEADCT_DATABASE_URL_FILE=/nowhere.*cannot be read"):
        load_settings()


def test_a_file_of_a_setting_that_is_no_text_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "password"
    secret.write_bytes(b"\xff\xfe")
    monkeypatch.setenv("HEADCT_FLOWER_PASSWORD_FILE", str(secret))
    with pytest.raises(SettingsError, match=r"cannot be read \(it is no UTF-8 text\)"):
        load_settings()


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("HEADCT_FLOWER_PASSWORD=hunter2", True),
        ("HEADCT_BROKER_URL=redis://:hunter2@localhost/0", True),
        ("HEADCT_DATABASE_URL=postgresql://headct:hunter2@localhost/headct", True),
        ("HEADCT_DATABASE_URL=sqlite:///headct.db", False),
        ("HEADCT_FLOWER_PASSWORD_FILE=.env", False),
        ("HEADCT_CHUNK_SIZE=4", False),
    ],
)
def test_a_password_in_an_env_file_that_all_can_read_is_refused(
    tmp_path: Path, line: str, refused: bool
) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{line}\n")
    path.chmod(0o644)
    if refused:
        with pytest.raises(SettingsError, match=r"`chmod o= \.env`") as caught:
            load_settings()
        assert "hunter2" not in str(caught.value)
    path.chmod(0o644 if not refused else 0o640)
    load_settings()


def test_the_environment_counts_before_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HEADCT_CHUNK_SIZE=4\nHEADCT_MAX_FILE_MB=8\n")
    monkeypatch.setenv("HEADCT_CHUNK_SIZE", "5")
    settings = load_settings()
    assert (settings.chunk_size, settings.max_file_mb) == (5, 8)


def test_every_setting_stands_in_the_documents() -> None:
    table = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()
    for name, description in DESCRIPTIONS.items():
        assert f"| `HEADCT_{name.upper()}` |" in table
        assert description in table

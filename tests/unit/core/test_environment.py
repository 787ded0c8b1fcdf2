from pathlib import Path

import pytest

from core.environment import read_environment
from core.errors import SettingsError
from core.settings import load_settings
from tests.other_programs import VARIABLES


def test_the_first_place_that_has_a_value_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.write_text("from the named file\n")
    (tmp_path / ".env").write_text(f"HEADCT_HOME=from .env\nHEADCT_HOME_FILE={named}\n")
    monkeypatch.setenv("HEADCT_HOME", "from the variable")
    assert read_environment().find("HEADCT_HOME") == "from the variable"
    monkeypatch.setenv("HEADCT_HOME", "")
    assert read_environment().find("HEADCT_HOME") == "from the named file"
    (tmp_path / ".env").write_text("HEADCT_HOME=from .env\n")
    assert read_environment().find("HEADCT_HOME") == "from .env"
    (tmp_path / ".env").write_text("HEADCT_HOME=\n")
    assert read_environment().find("HEADCT_HOME") is None


def test_small_letters_in_a_name_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("headct_home", "here")
    assert read_environment().find("HEADCT_HOME") == "here"


def test_variables_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTHER_HOME", "there")
    (tmp_path / ".env").write_text("OTHER=1\nEXPORTED\n")
    read_environment().refuse_unknown([])


def test_links_of_kubernetes_to_services_named_headct_are_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = {name: value for name, value in VARIABLES.items() if name.startswith("HEADCT_")}
    assert links
    for name, value in links.items():
        monkeypatch.setenv(name, value)
    for port in ("HEADCT_FLOWER_PORT", "HEADCT_METRICS_PORT"):
        monkeypatch.setenv(port, "udp://[fd00::9]:5555")
    settings = load_settings()
    assert (settings.flower_port, settings.metrics_port) == (5555, 5556)


@pytest.mark.parametrize(
    "variable", ["HEADCT_FLOWER_PRT", "HEADCT_PORT", "HEADCT_REDIS_PORT", "HEADCT_SERVICE", "HEADCT_HOST"]
)
def test_what_only_looks_like_a_link_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "5555")
    with pytest.raises(SettingsError, match=f"{variable} is no setting"):
        load_settings()


def test_a_byte_order_mark_belongs_to_no_name_and_no_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("\ufeffHEADCT_CHUNK_SIZE=4\n")
    assert load_settings().chunk_size == 4
    (tmp_path / "named").write_text("\ufeff5\n")
    monkeypatch.setenv("HEADCT_CHUNK_SIZE_FILE", str(tmp_path / "named"))
    assert load_settings().chunk_size == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("HEADCT_HOME=hôme\n".encode("latin-1"), "no UTF-8 text"),
        ("HEADCT_HOME=home\n".encode("utf-16"), "no UTF-8 text"),
        ("HEADCT_HOME=home\n".encode("utf-16-le"), "holds a NUL"),
        (b"HEADCT_HOME=a\0b\n", "holds a NUL"),
    ],
)
def test_an_env_file_in_another_charset_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=told) as caught:
        load_settings()
    assert str(tmp_path / ".env") in str(caught.value)


def test_an_env_file_that_cannot_be_read_is_told(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / ".env").touch(mode=0)
    request.getfixturevalue("unprivileged")
    with pytest.raises(SettingsError, match=r"cannot be read \(Permission denied\)"):
        load_settings()


def test_a_virtual_environment_named_env_is_no_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert load_settings().chunk_size == 32


@pytest.mark.parametrize("line", ["HEADCT_HOME: /elsewhere", "HEADCT_HOME='/elsewhere", "HEADCT_HOME"])
def test_a_line_of_the_dotenv_that_says_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"# settings\n{line}\n")
    with pytest.raises(SettingsError, match=r"\.env, line 2, is not of the form NAME=VALUE"):
        read_environment()


def test_links_of_kubernetes_are_passed_over_in_the_dotenv_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("HEADCT_PORT=tcp://10.0.0.9:80\nHEADCT_CHUNK_SIZE=7\n")
    assert load_settings().chunk_size == 7

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.home import Home
from core.settings import Settings, load_settings
from db.engine import database_url, make_engine
from db.migrate import migrate


@pytest.mark.parametrize(
    ("variable", "text", "allowed"),
    [
        ("HEADCT_CHUNK_SIZE", "many", "a whole number of at least 1 and at most 256"),
        ("HEADCT_CHUNK_SIZE", "1.5", "a whole number of at least 1 and at most 256"),
        ("HEADCT_MAX_FILE_MB", "0", "a number of more than 0 and at most 65536"),
        ("HEADCT_SETTLE_SECONDS", "nan", "a number of at least 0 and at most 3600"),
        ("HEADCT_TARGET_SENSITIVITY", "1", "a number of more than 0.5 and less than 1"),
        ("HEADCT_FLOWER_READ_ONLY", "maybe", "true or false"),
        ("HEADCT_LOG_LEVEL", "loud", "one of DEBUG, ERROR, INFO, WARNING"),
        ("HEADCT_RETRAIN_CRON", "monthly", "five fields"),
    ],
)
def test_what_is_allowed_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError, match=rf"^{variable}={text} is not allowed: must be {allowed}"):
        load_settings()


def test_every_wrong_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_CHUNK_SIZE", "0")
    monkeypatch.setenv("HEADCT_FLOWER_PORT", "-1")
    with pytest.raises(SettingsError, match=r"CHUNK_SIZE=0 .*\nHEADCT_FLOWER_PORT=-1 "):
        load_settings()


@pytest.mark.parametrize(("word", "meaning"), [("yes", True), ("On", True), ("0", False), ("False ", False)])
def test_yes_and_no_have_many_names(monkeypatch: pytest.MonkeyPatch, word: str, meaning: bool) -> None:
    monkeypatch.setenv("HEADCT_FLOWER_READ_ONLY", word)
    assert load_settings().flower_read_only is meaning


def test_white_space_around_a_number_and_small_letters_of_a_level_do_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADCT_CHUNK_SIZE", " 4 ")
    monkeypatch.setenv("HEADCT_LOG_LEVEL", "debug")
    settings = load_settings()
    assert (settings.chunk_size, settings.log_level) == (4, "DEBUG")


def test_a_home_may_begin_with_that_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_HOME", "~/headct")
    assert load_settings().home == Path.home() / "headct"
    monkeypatch.setenv("HEADCT_HOME", "~nobody-of-that-name/headct")
    with pytest.raises(SettingsError, match="the name of no user"):
        load_settings()


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a\x1b[31mb", "a\x7fb", "a\u2028b", "a\udcffb", "x" * 481])
def test_a_home_that_not_all_could_name_alike_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("HEADCT_HOME", name)
    with pytest.raises(
        SettingsError, match=r"^HEADCT_HOME=.* is not allowed: it must have a path.*\.$"
    ) as told:
        load_settings()
    assert str(told.value).isprintable()
    if len(name) < 100:  # also where only the folder is named so that the command is run in
        monkeypatch.delenv("HEADCT_HOME")
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with pytest.raises(SettingsError, match=r"HEADCT_HOME=.* is not allowed"):
            load_settings()


@pytest.mark.parametrize("name", ["a b", "a%d ; b #c", '"q" \'s', "hôme", "頭\u3000部", "x" * 200])
def test_a_home_may_have_any_name_that_shows(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HEADCT_HOME", name)
    assert load_settings().home == Path.cwd() / name


def test_the_longest_home_that_is_allowed_holds_a_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    room = 480 - len(str(tmp_path)) - 1
    monkeypatch.setenv("HEADCT_HOME", "/".join("x" * min(200, room - at) for at in range(0, room, 201)))
    home = Home(load_settings().home)
    assert len(str(home.root)) == 480
    home.make()
    engine = make_engine(database_url(Settings(home=home.root), home))
    migrate(engine)
    engine.dispose()
    home.redis_socket.parent.rmdir()  # not in the home, whose path is too long for a socket

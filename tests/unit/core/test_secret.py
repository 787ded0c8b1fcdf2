import stat

from core.home import Home
from core.secret import Secret, kept_secret


def test_it_shows_its_text_only_to_who_asks_for_it() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.get_secret_value() == "hunter2"


def test_secrets_of_the_same_text_are_equal_and_an_empty_one_is_false() -> None:
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    assert not Secret("")


def test_a_secret_is_made_once_and_is_private(home: Home) -> None:
    first = kept_secret(home, "flower_password")
    assert len(first) >= 24
    assert kept_secret(home, "flower_password") == first
    assert stat.S_IMODE((home.root / "secrets" / "flower_password").stat().st_mode) == 0o600

from core.secret import Secret


def test_it_shows_its_text_only_to_who_asks_for_it() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.get_secret_value() == "hunter2"


def test_secrets_of_the_same_text_are_equal_and_an_empty_one_is_false() -> None:
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    assert not Secret("")

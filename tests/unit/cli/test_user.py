import multiprocessing
import os

import pytest

from cli.user import user_name


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_user_without_a_name_has_its_number() -> None:
    ours, theirs = multiprocessing.Pipe()

    def work() -> None:
        os.environ.clear()
        os.setuid(54321)
        theirs.send(user_name())

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    assert ours.recv() == "user 54321"
    process.join(20)


def test_a_name_is_short_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert user_name() == "ann"
    monkeypatch.setenv("LOGNAME", "m\udcfcller" * 100)
    assert user_name().startswith("m\ufffdller")
    assert len(user_name()) == 128

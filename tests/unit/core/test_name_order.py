from core.name_order import by_name


def test_numbers_in_names_count_as_numbers() -> None:
    names = [
        "1.2.840.9",
        "1.2.840.10",
        "a.png",
        "a/2.png",
        "a/10.png",
        "a-b/1.png",
        "a1",
        "a01",
        "a" + "9" * 99,
    ]
    assert sorted(set(names), key=by_name) == [
        *names[:2],
        "a/2.png",
        "a/10.png",
        "a-b/1.png",
        "a.png",
        "a01",
        "a1",
        "a" + "9" * 99,
    ]

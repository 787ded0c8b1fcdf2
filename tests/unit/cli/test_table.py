from cli.table import Column, lines

ID = Column[tuple[int, str]]("id", 3, lambda row: str(row[0]))
NAME = Column[tuple[int, str]]("name", 4, lambda row: row[1], {"ab": "red"})


def test_a_cell_that_does_not_fit_goes_on_below() -> None:
    assert list(lines([ID, NAME], [(1, "abcdefg"), (2, "x")], colour=False)) == [
        "id   name",
        "1    abcd",
        "     efg",
        "2    x",
    ]


def test_numbers_may_stand_to_the_right() -> None:
    right = Column[tuple[int, str]]("n", 3, lambda row: str(row[0]), right=True)
    assert list(lines([NAME, right], [(1, "a"), (22, "b")], colour=False))[1:] == ["a       1", "b      22"]


def test_colours_change_no_width() -> None:
    (_, plain), (_, coloured) = (
        list(lines([NAME, ID], [(1, "ab")], colour=colour)) for colour in (False, True)
    )
    assert coloured == plain.replace("ab", "\x1b[31mab\x1b[0m")


def test_a_column_below_stands_under_the_second_one() -> None:
    below = Column[tuple[int, str]]("", 4, lambda row: "why so" if row[0] == 1 else "")
    assert list(lines([ID, NAME], [(1, "a"), (2, "b")], colour=False, below=below))[1:] == [
        "1    a",
        "     why",
        "     so",
        "2    b",
    ]


def test_rows_are_taken_one_by_one() -> None:
    taken = []

    def rows() -> "list[tuple[int, str]]":
        for number in range(3):
            taken.append(number)
            yield number, ""  # type: ignore[misc]

    table = lines([ID, NAME], rows(), colour=False)
    next(table)
    next(table)
    assert taken == [0]

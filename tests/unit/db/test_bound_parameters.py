"""No value is ever written into SQL: a statement is built by SQLAlchemy, or is a text of the code.

ruff's S608 finds f-strings that look like SELECT, INSERT, UPDATE or DELETE; this finds the rest.
"""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PACKAGES = ["cli", "core", "db", "images", "models", "scheduler", "services", "training", "worker"]
TEXT = {"text", "literal_column", "exec_driver_sql", "DDL", "executescript"}
"""What takes SQL as text, so that only a text of the code may stand there."""
STATEMENT = {"execute", "executemany", "scalar", "scalars", "stream"}
"""What takes a statement, so that none made of strings may stand there."""


def is_made_of_strings(node: ast.expr) -> bool:
    made = isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod)
    )
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return made or (called and node.func.attr in {"format", "join", "replace", "format_map"})  # type: ignore[attr-defined]


def is_text_of_the_code(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return is_text_of_the_code(node.body) and is_text_of_the_code(node.orelse)
    return isinstance(node, ast.Constant)


def unbound(source: str) -> list[int]:
    """Lines on which a value could come into SQL."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if ast.unparse(node.func) == "draw.text":  # into an image
                continue
            if (name in TEXT and not is_text_of_the_code(node.args[0])) or (
                name in STATEMENT and is_made_of_strings(node.args[0])
            ):
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "source",
    [
        'session.execute(text(f"SELECT * FROM file WHERE id = {id_}"))',
        'connection.exec_driver_sql("DELETE FROM file WHERE id = " + id_)',
        'connection.exec_driver_sql("DELETE FROM file WHERE id = %s" % id_)',
        'connection.execute("LOCK TABLE {}".format(name))',
        'connection.execute(f"PRAGMA {name}")',
        "session.scalar(text(query))",
        'select(literal_column(f"{name}"))',
    ],
)
def test_the_check_finds_a_value_in_sql(source: str) -> None:
    assert unbound(source) == [1]


def test_no_statement_is_made_of_values() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
        if "migrations/versions" not in str(path)  # DDL of texts that stand there, over no value of anybody
        for line in unbound(path.read_text())
    ]
    assert found == []

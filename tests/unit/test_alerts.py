"""The alert rules of docs/alerts.yml fit the metrics and the page that says what to do."""

import re
from pathlib import Path

import promql_parser as promql
import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"
RULES = [
    rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
LISTED = set(re.findall(r"^\| `(headct_\w+)`", (DOCS / "metrics.md").read_text(), re.MULTILINE))


Labels = dict[str, str]


def labels(expression: object) -> Labels | None:
    """Labels that every series of the result has, None of a number.

    Two sides that never match never give one. Series match if all their labels are equal but those that are
    ignored (Prometheus: Operators, Vector matching); `job` and `instance` are the same in all of ours.
    """
    match expression:
        case promql.NumberLiteral():
            return None
        case promql.VectorSelector():
            return {one.name: one.value for one in expression.matchers.matchers}
        case promql.MatrixSelector():
            return labels(expression.vector_selector)
        case promql.Call():
            (argument,) = expression.args
            return labels(argument)
        case promql.BinaryExpr():
            left, right = labels(expression.lhs), labels(expression.rhs)
            assert left is not None
            if right is None or str(expression.op) == "or":
                return left
            matching = expression.modifier and expression.modifier.matching
            ignored = set(matching.labels) if matching else set()
            left = {name: value for name, value in left.items() if name not in ignored}
            assert left.items() == {item for item in right.items() if item[0] not in ignored}, "no match"
            return left
    raise AssertionError(type(expression))


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_can_fire_on_metrics_that_there_are(rule: dict[str, str]) -> None:
    labels(promql.parse(rule["expr"]))
    asked = set(re.findall(r"headct_\w+", rule["expr"]))
    assert asked <= LISTED
    assert asked or 'job="headct"' in rule["expr"]


def test_sides_that_never_match_are_seen() -> None:
    with pytest.raises(AssertionError, match="no match"):
        labels(promql.parse('a{state="x"} > b{state="y"}'))
    labels(promql.parse('a{state="x"} > ignoring(state) b{state="y"}'))


def test_the_page_says_what_to_do_for_each_rule() -> None:
    page = (DOCS / "operations.md").read_text()
    assert re.findall(r"^\| `(Headct\w+)`", page, re.MULTILINE) == [rule["alert"] for rule in RULES]

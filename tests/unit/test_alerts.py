"""The alert rules of docs/alerts.yml fit the metrics and the page that says what to do."""

import re
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"
RULES = [
    rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
LISTED = set(re.findall(r"^\| `(headct_\w+)`", (DOCS / "metrics.md").read_text(), re.MULTILINE))


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, str]) -> None:
    asked = set(re.findall(r"headct_\w+", rule["expr"]))
    assert asked <= LISTED
    assert asked or 'job="headct"' in rule["expr"]


def test_the_page_says_what_to_do_for_each_rule() -> None:
    page = (DOCS / "operations.md").read_text()
    assert re.findall(r"^\| `(Headct\w+)`", page, re.MULTILINE) == [rule["alert"] for rule in RULES]

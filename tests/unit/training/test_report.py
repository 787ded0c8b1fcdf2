"""A report needs no other file, says what has to be said, and names nobody."""

import json
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from db.states import Split
from images.constants import Preprocessing
from images.preprocessing import preprocess
from models.card import Decision
from models.explain import heat_pair
from models.labels import BETWEEN_BOUNDS
from models.network import build_network
from models.store import shipped_model
from models.study_rule import SHIPPED_RULE
from training.batches import Images
from training.dataset import Record
from training.evaluate import measure, paired_difference
from training.gate import judge
from training.judged import EVEN_POINT, Judged
from training.phantoms.synthetic import generate_image
from training.report import ReportContent, data_summary, write_report
from training.study_figures import LabelledStudy, study_metrics
from training.wrong_images import WrongImage, wrong_images

PATIENT = "Mustermann"


@dataclass
class Epoch:
    number: int
    loss: float
    validation_loss: float | None = None
    validation_auc: float | None = None


def judged(logits: np.ndarray) -> Judged:
    return Judged.by(EVEN_POINT, logits, np.zeros(len(logits)))


@pytest.fixture(scope="module")
def content() -> ReportContent:
    rng = np.random.default_rng(1)
    targets = np.arange(24) % 2
    groups = np.array([f"p{i // 2}" for i in range(24)])
    candidate, incumbent = (judged(3.0 * targets - 1.5 + rng.normal(0.0, 1.5, 24)) for _ in range(2))
    metrics, theirs = (measure(targets, one, groups, seed=1, repeats=20) for one in (candidate, incumbent))
    difference = paired_difference(targets, candidate, incumbent, groups, seed=1, repeats=20)
    verdict = judge(metrics, theirs, difference)
    card = replace(
        shipped_model().card,
        version="site-1",
        metrics=metrics,
        protocol="70 <to fit>, 24 to test.",
        gate={
            "incumbent": "site-0",
            "promote": verdict.promote,
            "rule": verdict.rule,
            "numbers": verdict.numbers,
        },
    )
    records = [
        Record(Path(f"{PATIENT}{i}.png"), "hemorrhage" if i % 2 else "normal", f"{PATIENT}{i // 2}", split)
        for i, split in enumerate([Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST])
    ]
    picture = heat_pair(np.zeros((8, 8)), np.zeros((8, 8), dtype=np.float32), "0123456789ab")
    return ReportContent(
        card=card,
        targets=targets,
        candidate=candidate,
        incumbent=incumbent,
        incumbent_metrics=theirs,
        difference=difference,
        curve=[Epoch(1, 0.7), Epoch(2, 0.6, 0.65, 0.8)],
        data=data_summary(records),
        wrong=[WrongImage("0123456789ab", "normal", Decision(0.81, "uncertain", BETWEEN_BOUNDS), picture)],
    )


@pytest.fixture(scope="module")
def page(content: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("home") / "reports" / "1", content)


class Sources(HTMLParser):
    """Whatever a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        assert tag not in ("script", "link", "iframe")


def test_the_page_needs_no_other_file(page: Path) -> None:
    text, sources = page.read_text(encoding="utf-8"), Sources()
    sources.feed(text)
    assert len(sources.found) == 5
    assert all(source.startswith("data:image/png;base64,") for source in sources.found)
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "url(" not in text


def test_the_page_tells_verdict_protocol_and_that_it_is_for_research(
    page: Path, content: ReportContent
) -> None:
    text = page.read_text(encoding="utf-8")
    assert content.card.gate["rule"] in text
    assert "70 &lt;to fit&gt;, 24 to test." in text
    assert "Research use only" in text
    assert "0123456789ab: truth normal" in text
    assert f"({BETWEEN_BOUNDS.text})" in text


def test_neither_file_names_a_patient(page: Path) -> None:
    for file in page.parent.iterdir():
        assert PATIENT not in file.read_text(encoding="utf-8")


def test_the_json_holds_the_same_figures(page: Path, content: ReportContent) -> None:
    values = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert values["card"]["metrics"] == content.card.metrics
    assert values["difference"] == content.difference
    assert values["wrong"][0]["label_code"] == BETWEEN_BOUNDS.code
    assert values["data"]["train"] == {"images": 2, "patients": 1, "hemorrhage": 1, "normal": 1}
    assert [epoch["validation_auc"] for epoch in values["curve"]] == [None, 0.8]


def test_a_report_without_a_version_to_compare_with_is_written(
    content: ReportContent, tmp_path: Path
) -> None:
    alone = replace(
        content,
        card=replace(content.card, gate={}, baselines={}),
        incumbent=None,
        incumbent_metrics=None,
        difference=None,
        wrong=[],
    )
    assert "was not compared" in write_report(tmp_path, alone).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("field", "share"), [("in_band", "uncertain_share"), ("not_assessed", "not_assessed_share")]
)
def test_a_version_that_is_certain_of_nothing_gets_its_report_and_is_not_promoted(
    content: ReportContent, tmp_path: Path, field: str, share: str
) -> None:
    count = len(content.targets)
    groups = np.array([f"p{i // 2}" for i in range(count)])
    unsure = replace(content.candidate, **{field: np.ones(count, dtype=np.bool_)})
    metrics = measure(content.targets, unsure, groups, seed=1, repeats=20)
    assert (metrics[share], metrics["error_share_of_certain"]) == (1.0, None)
    difference = paired_difference(content.targets, unsure, unsure, groups, seed=1, repeats=20)
    assert content.incumbent_metrics is not None
    assert not judge(metrics, content.incumbent_metrics, difference).promote
    alike = replace(
        content,
        card=replace(content.card, metrics=metrics),
        candidate=unsure,
        incumbent=unsure,
        incumbent_metrics=metrics,
        difference=difference,
    )
    assert "Confusion matrix" in write_report(tmp_path, alike).read_text(encoding="utf-8")


def test_figures_of_studies_stand_beside_those_of_images(content: ReportContent, tmp_path: Path) -> None:
    assert "On the studies" not in write_report(tmp_path, content).read_text(encoding="utf-8")
    studies = [LabelledStudy(f"p{i}", i % 2 == 0, (3 * i, 3 * i + 1, 3 * i + 2)) for i in range(8)]
    metrics = study_metrics(studies, content.candidate, SHIPPED_RULE, prevalence=0.1, seed=1)
    text = write_report(tmp_path, replace(content, studies=(metrics, metrics))).read_text(encoding="utf-8")
    assert "8 studies of 8 patients, 4 of them without a\nbleed" in text
    assert "slices called hemorrhage in a bleed-free study" in text
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["studies"][0] == metrics


def test_wrong_images_are_named_by_their_content_and_come_with_a_picture(tmp_path: Path) -> None:
    path = tmp_path / f"{PATIENT}.png"
    path.write_bytes(b"content")
    pixels = preprocess(generate_image(3, None).image, Preprocessing())[None]
    network, point = build_network(Preprocessing().input_shape), replace(EVEN_POINT, threshold=0.0)
    for target, count in ((0, 1), (1, 0)):  # everything counts as hemorrhage
        images = Images(pixels, np.array([target]), np.array([PATIENT]), np.array([""]))
        wrong = wrong_images(network, point, [Record(path, "normal", PATIENT)], images)
        assert len(wrong) == count
    images = Images(pixels, np.array([0]), np.array([PATIENT]), np.array([""]))
    (one,) = wrong_images(network, point, [Record(path, "normal", PATIENT)], images)
    assert one.name == "ed7002b439e9"
    assert one.picture.startswith(b"\x89PNG")

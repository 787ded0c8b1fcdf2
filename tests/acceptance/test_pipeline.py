"""Drop files, read rows: the whole system as its users see it."""

import base64
import csv
import io
import itertools
import json
import re
import shutil
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import read_session
from db.promotions import history, promote, rollback
from db.states import Cause
from db.tables import Arrival, File, Prediction, TrainingRun
from db.tables import Image as FileImage
from db.training_runs import find_run
from models.store import ModelStore, shipped_model
from scheduler.inbox import find_files
from tests.faults.system import System
from tests.processes import repeating, run_headct, wait_until
from tests.release_0_1 import DATABASE, VERSION
from tests.site_models import register_copy


def bad_files(good: bytes) -> dict[str, tuple[bytes, str]]:
    """Files that are rejected, each with what its reason says."""
    rng = np.random.default_rng(1)
    photograph = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((256, 256)).save(
        photograph, "PNG"
    )
    jpeg, dot, bomb = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.open(io.BytesIO(good)).convert("L").save(jpeg, "JPEG")
    Image.new("L", (1, 1)).save(dot, "PNG")
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    return {
        "text.png": (b"This is no image.\n", "not a PNG, JPEG, TIFF or BMP"),
        "empty.png": (b"", "empty"),
        "truncated.png": (good[: len(good) // 2], "truncated"),
        "truncated.jpg": (jpeg.getvalue()[: len(jpeg.getvalue()) // 2], "truncated"),
        "bomb.png": (bomb.getvalue(), "HEADCT_MAX_PIXELS"),
        "dot.png": (dot.getvalue(), "1 x 1"),
        "photograph.png": (photograph.getvalue(), "photograph"),
    }


def test_every_image_of_the_real_set_gets_one_row_with_a_result(system: System, real_images: Path) -> None:
    images = sorted((real_images / "images").iterdir())
    assert len(images) == (160 if real_images.name == "head_ct" else 24)
    for image in images:
        system.drop(image.read_bytes(), image.name)
    system.wait_for(*(image.name for image in images), seconds=120)
    rows = system.rows()
    assert {rows[image.name].state for image in images} == {"classified"}
    with Session(system.engine) as session:
        here = select(Arrival.file_id).where(Arrival.source_name.in_([image.name for image in images]))
        results = session.scalars(select(Prediction).join(FileImage).where(FileImage.file_id.in_(here))).all()
        assert len(results) == len({row.image_id for row in results}) == len(images)
        for row in results:
            assert 0 <= row.probability <= 1
            if row.label not in {"uncertain", "not assessed"}:
                assert row.label == ("hemorrhage" if row.probability >= row.threshold else "normal")
    assert list(find_files(system.home.inbox)) == []


def test_bad_files_are_rejected_with_their_reason_beside_good_ones(
    system: System, image_bytes: bytes
) -> None:
    bad = bad_files(image_bytes)
    system.drop(image_bytes + b"x", "neighbour.png")
    for name, (content, _) in bad.items():
        system.drop(content, name)
    system.wait_for("neighbour.png", *bad)
    rows = system.rows()
    assert rows["neighbour.png"].state == "classified"
    for name, (_, reason) in bad.items():
        assert rows[name].state == "rejected", name
        assert reason in rows[name].reason


def test_the_same_bytes_under_another_name_are_another_arrival_and_no_second_job(
    system: System, image_bytes: bytes
) -> None:
    content = image_bytes + b"same"
    system.drop(content, "first.png")
    system.wait_for("first.png")
    system.drop(content, "study/second.png")

    def arrivals() -> list[str]:
        query = select(Arrival.source_name).join(File, File.id == Arrival.file_id)
        with Session(system.engine) as session:
            first = session.scalar(select(Arrival.file_id).where(Arrival.source_name == "first.png"))
            return sorted(session.scalars(query.where(File.id == first)))

    wait_until(lambda: arrivals() == ["first.png", "study/second.png"], 15)
    assert "study/second.png" not in system.rows()


def test_submit_waits_prints_and_tells_by_its_exit_code(
    system: System, image_bytes: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "good.png").write_bytes(image_bytes + b"submitted")
    (folder / "labels.csv").write_text("filename,label\n")
    good = run_headct(system.home, "submit", str(folder), "--wait")
    assert good.returncode == 0, good.stderr
    assert "folder/deep/good.png" in good.stdout
    assert "no images by their content: 1 .csv" in good.stderr
    assert (folder / "deep" / "good.png").exists()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"also no image")
    rejected = run_headct(system.home, "submit", str(bad), str(tmp_path / "missing.png"), "--wait", "--move")
    assert rejected.returncode == 1
    assert "rejected" in rejected.stdout
    assert "missing.png: there is no such file" in rejected.stderr
    assert not bad.exists()


def test_results_are_printed_as_table_json_and_csv(system: System, image_bytes: bytes) -> None:
    system.drop(image_bytes + b"printed", "printed.png")
    system.drop(b"bad", "bad-printed.png")
    system.wait_for("printed.png", "bad-printed.png")
    table = run_headct(system.home, "results", "--limit", "0").stdout
    assert "printed.png" in table
    assert "\x1b" not in table, "colour only on a terminal"
    as_json = json.loads(run_headct(system.home, "results", "--format", "json", "--state", "rejected").stdout)
    assert {row["state"] for row in as_json} == {"rejected"}
    text = run_headct(
        system.home, "results", "--format", "csv", "--sort", "probability", "--since", "1d"
    ).stdout
    probabilities = [float(row["probability"]) for row in csv.DictReader(io.StringIO(text))]
    assert len(probabilities) >= 1
    assert probabilities == sorted(probabilities, reverse=True)
    wrong = run_headct(system.home, "results", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "12h" in wrong.stderr


def test_show_and_retry_a_file(system: System) -> None:
    system.drop(b"bad again", "retried.png")
    system.wait_for("retried.png")
    file_id = str(system.rows()["retried.png"].file_id)
    shown = run_headct(system.home, "show", file_id).stdout
    assert "retried.png" in shown
    assert "not a PNG, JPEG, TIFF or BMP" in shown
    assert "1 of 1 file waits again" in run_headct(system.home, "retry", file_id).stdout
    system.wait_for("retried.png")
    assert system.state("retried.png") == "rejected"
    assert "There is no file 99999" in run_headct(system.home, "show", "99999").stderr


def read_state(system: System) -> dict[str, Any]:
    return dict(json.loads(run_headct(system.home, "status", "--json").stdout))


def test_status_counts_files_and_names_workers_and_model(system: System) -> None:
    wait_until(lambda: len(read_state(system)["workers"]) == 2, 30, what="both workers answer")
    empty = {"stat": 0, "inference": 0, "training": 0}  # but for a heartbeat on its way
    state = wait_until(lambda: state if (state := read_state(system))["queues"] == empty else None)
    assert state["files"]["classified"] >= 1
    assert {name.split("@")[0] for name in state["workers"]} <= {"inference", "training"}
    assert state["oldest_unfinished_seconds"] is None
    assert state["model_version"]
    assert state["problems"] == []


def test_doctor_finds_all_well(system: System) -> None:
    checked = run_headct(system.home, "doctor")
    assert checked.returncode == 0, checked.stdout
    assert "BAD" not in checked.stdout


def test_a_second_up_on_the_same_home_is_refused_and_the_first_goes_on(
    system: System, image_bytes: bytes
) -> None:
    second = run_headct(system.home, "up")
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert str(system.process.pid) in second.stderr
    scheduler = run_headct(system.home, "watch")
    assert scheduler.returncode == 1
    assert "A scheduler already runs" in scheduler.stderr
    system.drop(image_bytes + b"second up", "second-up.png")
    system.wait_for("second-up.png")


def ask_flower(system: System, path: str, *, password: str | None = None, method: str = "GET") -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{system.flower_port}{path}", method=method)
    secret = password or (system.home.root / "secrets" / "flower_password").read_text()
    request.add_header("Authorization", "Basic " + base64.b64encode(f"headct:{secret}".encode()).decode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def test_flower_shows_each_chunk_with_worker_and_run_time_and_nothing_that_identifies(
    system: System, image_bytes: bytes
) -> None:
    system.drop(image_bytes + b"flower", "Doe^Jane.png")
    system.wait_for("Doe^Jane.png")
    file_id = system.rows()["Doe^Jane.png"].file_id

    def shown() -> list[dict[str, object]]:
        tasks = json.loads(ask_flower(system, "/api/tasks")).values()
        return [task for task in tasks if task["args"] == f"[[{file_id}]]" and task["state"] == "SUCCESS"]

    wait_until(shown, 15, what="the chunk stands in Flower")
    (task,) = shown()
    assert task["name"] == "headct.classify_files"
    assert str(task["worker"]).startswith("inference@")
    assert float(str(task["runtime"])) > 0
    assert b"Doe" not in ask_flower(system, "/api/tasks") + ask_flower(system, "/tasks")


def test_no_process_is_large_and_those_with_a_model_are_the_largest(system: System) -> None:
    processes = psutil.Process(system.process.pid).children(recursive=True)
    sizes = {process: process.memory_info().rss / 2**20 for process in processes}
    assert max(sizes.values()) < 250
    assert {parent.cmdline()[-1] for p in sizes if sizes[p] > 115 and (parent := p.parent())} == {"inference"}


def predictions(system: System, name: str) -> list[Prediction]:
    """Results of the files whose name begins so, the oldest first."""
    here = select(Arrival.file_id).where(Arrival.source_name.startswith(name))
    with Session(system.engine) as session:
        return list(
            session.scalars(
                select(Prediction).join(FileImage).where(FileImage.file_id.in_(here)).order_by(Prediction.id)
            )
        )


def add_version(system: System, version: str, threshold: float) -> Path:
    """Register the shipped weights under that name; returns where the graph is."""
    card = shipped_model().card
    card = replace(card, operating_point=replace(card.operating_point, threshold=threshold))
    return register_copy(ModelStore(system.home.models), version, card).graph_path


def wait_for_switch(system: System, before: str, after: str) -> None:
    """Both workers switch; within 5 s where nothing else runs, but tests share their machine."""
    log = system.home.logs / "worker.log"
    line = f'instead of {before}: {after}"'
    wait_until(lambda: log.read_text().count(line) == 2, 15, what="both workers switch")


def test_workers_switch_while_files_keep_coming_and_every_result_names_its_version(
    system: System, image_bytes: bytes
) -> None:
    shipped = shipped_model().card
    thresholds = {shipped.version: shipped.operating_point.threshold, "site-1": 0.987}
    add_version(system, "site-1", thresholds["site-1"])
    numbers = itertools.count(1)

    def drop_next() -> None:
        number = next(numbers)
        system.drop(image_bytes + f"stream {number}".encode(), f"stream-{number}.png")

    with repeating(drop_next, per_second=10):
        system.wait_for("stream-1.png")
        promoted = run_headct(system.home, "models", "promote", "site-1", "--by", "ann")
        assert f"site-1 is in use instead of {shipped.version}" in promoted.stdout, promoted.stderr
        with read_session(system.engine) as session:
            moment = history(session)[0].promoted_at
        wait_for_switch(system, shipped.version, "site-1")
        system.drop(image_bytes + b"after the switch", "stream-last.png")
        system.wait_for("stream-last.png")
    said = predictions(system, "stream")
    assert {row.model_version for row in said} == set(thresholds)
    for row in said:
        assert row.threshold == thresholds[row.model_version], "stamped with the version that made it"
        assert row.model_version == shipped.version or row.classified_at > moment
    assert system.rows()["stream-last.png"].model_version == "site-1"


def test_images_get_a_second_result_of_the_version_in_use_and_keep_the_first(system: System) -> None:
    first = predictions(system, "stream-1.png")
    assert [row.model_version for row in first] == [shipped_model().card.version]
    asked = run_headct(system.home, "reclassify", "--since", "5m")
    assert int(asked.stdout.split()[0]) >= 1, asked.stderr
    wait_until(lambda: len(predictions(system, "stream-1.png")) == 2, what="the second result")
    assert system.rows()["stream-1.png"].model_version == "site-1"


def test_what_is_asked_for_at_once_after_a_promotion_is_of_that_version_and_a_rollback_takes_it_back(
    system: System,
) -> None:
    wait_until(system.is_settled, what="nothing is left of what was asked for before")
    add_version(system, "site-3", 0.4)
    run_headct(system.home, "models", "promote", "site-3")
    asked = run_headct(system.home, "reclassify")
    count = int(asked.stdout.split()[0])
    assert count >= 2, asked.stderr

    def results_by() -> list[str | None]:
        return [row.model_version for row in system.rows().values() if row.state == "classified"]

    wait_until(lambda: results_by() == ["site-3"] * count, what="a result of that version for every file")
    run_headct(system.home, "models", "rollback")
    assert set(results_by()) <= {"site-1", shipped_model().card.version}, "at once"


def test_a_model_of_preprocessing_2_is_switched_to_and_back_under_load(
    system: System, image_bytes: bytes
) -> None:
    shutil.copytree(DATABASE.parent / "models" / VERSION, system.home.models / VERSION)
    converted = run_headct(system.home, "models", "convert")
    assert f"{VERSION}: converted" in converted.stdout, converted.stderr
    numbers = itertools.count(1)

    def drop_next() -> None:
        number = next(numbers)
        system.drop(image_bytes + f"earlier {number}".encode(), f"earlier-{number}.png")

    def last_said() -> str:
        return predictions(system, "earlier")[-1].model_version

    with repeating(drop_next, per_second=10):
        system.wait_for("earlier-1.png")
        before = last_said()
        assert run_headct(system.home, "models", "promote", VERSION).returncode == 0
        wait_until(lambda: last_said() == VERSION, what="results of it")
        assert run_headct(system.home, "models", "rollback").returncode == 0
        wait_until(lambda: last_said() == before, what="results of the one before")
    system.wait_for(f"earlier-{next(numbers) - 1}.png")
    assert {row.state for name, row in system.rows().items() if name.startswith("earlier")} == {"classified"}
    said = {(row.model_version, row.preprocessing_version) for row in predictions(system, "earlier")}
    assert said == {(before, shipped_model().card.preprocessing.version), (VERSION, "2")}


def test_altered_weights_never_come_into_use_and_rollbacks_lead_back(
    system: System, image_bytes: bytes
) -> None:
    weights = add_version(system, "site-2", 0.5)
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    refused = run_headct(system.home, "models", "promote", "site-2")
    assert refused.returncode == 1
    assert "SHA-256 differs" in refused.stderr
    with Session(system.engine) as session, session.begin():  # as if they were altered a moment later
        promote(session, "site-2", cause=Cause.PERSON, decided_by="ann", evidence=None)
    log = system.home.logs / "worker.log"
    wait_until(lambda: log.read_text().count("model site-2 is refused, site-1 classifies") == 2, 15)
    system.drop(image_bytes + b"refused", "refused.png")
    system.wait_for("refused.png")
    assert system.rows()["refused.png"].model_version == "site-1"
    with Session(system.engine) as session, session.begin():
        rollback(session, "ann")
    shipped = shipped_model().card.version
    assert f"{shipped} is in use instead of site-1" in run_headct(system.home, "models", "rollback").stdout
    wait_for_switch(system, "site-1", shipped)


def test_a_run_ends_once_and_tells_how(system: System, synthetic_images: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(synthetic_images, tmp_path / "Doe^Jane"))
    imported = run_headct(system.home, "dataset", "import", str(folder))
    assert imported.returncode == 0, imported.stderr
    queued = run_headct(system.home, "train", "--epochs", "1", "--seed", "3", "--promote", "never")
    run_id = int(re.findall(r"Training run (\d+)", queued.stdout)[0])
    followed = run_headct(system.home, "runs", "follow", str(run_id))
    assert f"Training run {run_id} succeeded" in followed.stdout, followed.stdout + followed.stderr
    assert "Not in use" in followed.stdout
    run = run_of(system, run_id)
    assert run.attempts == 1
    versions = [card.version for card in ModelStore(system.home.models).versions()]
    assert versions.count(str(run.model_version)) == 1
    page = Path(run_headct(system.home, "runs", "report", str(run_id)).stdout.strip())
    assert str(run.model_version) in page.read_text()
    assert "epoch 1 of 1" in system.home.training_log(run_id).read_text()
    assert not any(b"Doe" in log.read_bytes() for log in system.home.logs.iterdir())
    tasks = json.loads(ask_flower(system, "/api/tasks")).values()
    ended = [task for task in tasks if task["name"] == "headct.train_model" and task["state"] == "SUCCESS"]
    assert [task["args"] for task in ended] == [f"[{run_id}]"]
    assert float(ended[0]["runtime"]) > 0


def run_of(system: System, run_id: int) -> TrainingRun:
    with Session(system.engine) as session:
        return find_run(session, run_id)

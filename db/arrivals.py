"""Recording the files that arrived; what the intake commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from core.reasons import Reason, ReasonCode
from db.engine import now
from db.places import hurry_studies, name_studies
from db.requeue import retry
from db.states import FileState
from db.tables import Arrival, File
from db.upsert import insert_missing
from db.worklist_items import refresh_files, refresh_studies

# Of the bare table and made once: the intake's share of a file is mostly its statements.
_FILE = cast("Table", File.__table__)
_STORED_AT_FAULT = (ReasonCode.FILE_CHANGED, ReasonCode.FILE_UNREADABLE)
_NO_HEAD = (ReasonCode.BLANK, ReasonCode.NO_HEAD, ReasonCode.NO_BRAIN)
"""Why a picture is refused that may be a slice without a head, once somebody says that it is of a study."""
_KNOWN = select(_FILE.c.id, _FILE.c.sha256, _FILE.c.reason_code, _FILE.c.stat, _FILE.c.state).where(
    _FILE.c.sha256.in_(bindparam("hashes", expanding=True))
)


@dataclass(frozen=True)
class NewArrival:
    """One file as the intake saw it.

    `identity` is the same when the same inbox file is seen again after a crash, and None where no file
    of the inbox stands behind it. `refused` is the reason when the file is not to be classified at all.
    `study` is the study that a person named it of; `stat` puts it before the others.
    `archive_id` is the archive that it came out of.
    """

    sha256: str
    size_bytes: int
    source_name: str
    identity: str | None
    refused: Reason | None = None
    study: str | None = None
    archive_id: int | None = None
    stat: bool = False


def known_identities(session: Session, identities: Sequence[str]) -> set[str]:
    """Those of these identities (at most `MAX_IDS`) that some arrival has."""
    found = session.scalars(select(Arrival.file_identity).where(Arrival.file_identity.in_(identities)))
    return {identity for identity in found if identity}


def record_arrivals(session: Session, arrivals: Sequence[NewArrival]) -> dict[str, int]:
    """Record files that stand in the store; returns the file id of each SHA-256.

    A known SHA-256 gets another arrival and no second job, unless its stored bytes were at fault, or it was
    refused for what does not count against a slice of a named study. An arrival whose identity is known is
    the same file seen twice, and adds nothing.
    """
    if not arrivals:
        return {}
    moment = now()
    named: dict[str, bool] = {}
    for arrival in arrivals:
        if arrival.study is not None:
            named[arrival.study] = arrival.stat or named.get(arrival.study, False)
    stat = {arrival.sha256 for arrival in arrivals if arrival.stat}
    of_study = {arrival.sha256 for arrival in arrivals if arrival.study is not None}
    # One order for all writers, or two that insert the same files could deadlock in PostgreSQL.
    files = [
        {
            "sha256": arrival.sha256,
            "size_bytes": arrival.size_bytes,
            "state": FileState.REJECTED if arrival.refused else FileState.RECEIVED,
            "reason_code": arrival.refused.code if arrival.refused else None,
            "reason": arrival.refused.text if arrival.refused else None,
            "stat": arrival.sha256 in stat,
            "attempts": 0,
            "received_at": moment,
            "finished_at": moment if arrival.refused else None,
        }
        for _, arrival in sorted({arrival.sha256: arrival for arrival in arrivals}.items())
    ]
    insert_missing(session, File, files, ["sha256"])
    hashes = [file["sha256"] for file in files]
    known = session.connection().execute(_KNOWN, {"hashes": hashes}).all()
    ids = {row.sha256: row.id for row in known}
    again = [
        row.id
        for row in known
        if row.reason_code in _STORED_AT_FAULT or (row.reason_code in _NO_HEAD and row.sha256 in of_study)
    ]
    hurried = [row.id for row in known if row.sha256 in stat and not row.stat]
    held = {*again, *hurried, *(row.id for row in known if row.sha256 in of_study)}
    if held:  # files before studies, and in one order, as `db.lifecycle.finish` takes them
        order = select(_FILE.c.id).where(_FILE.c.id.in_(held)).order_by(_FILE.c.id)
        session.execute(order.with_for_update(key_share=True))
    if again or hurried:
        retry(session, again)
        session.execute(update(_FILE).where(_FILE.c.id.in_(hurried)).values(stat=True))
        hurry_studies(session, hurried)
    studies = name_studies(session, named, moment) if named else {}
    rows: list[dict[str, Any]] = [
        {
            "file_id": ids[arrival.sha256],
            "source_name": arrival.source_name,
            "file_identity": arrival.identity,
            "archive_id": arrival.archive_id,
            "study_id": None if arrival.study is None else studies[arrival.study],
            "arrived_at": moment,
        }
        for arrival in arrivals
    ]
    rows.sort(key=lambda row: (row["file_id"], row["source_name"]))
    insert_missing(session, Arrival, rows, ["file_identity"])
    of_named = [row["file_id"] for row in rows if row["study_id"] is not None]
    unpacked = {row.id for row in known if row.state == FileState.UNPACKED}
    for row in rows:
        if row["file_id"] in unpacked and row["study_id"] is not None:
            of_named += _let_members_join(session, row["file_id"], row["study_id"], moment)
    if named or hurried:
        refresh_files(session, sorted({*hurried, *of_named}))
        refresh_studies(session, list(studies.values()))
    return ids


def _let_members_join(session: Session, archive_id: int, study_id: int, moment: datetime) -> list[int]:
    """What came out of an archive before is also of the study that it came again for; returns its ids."""
    joined = aliased(Arrival)
    members = session.execute(
        select(Arrival.file_id, func.min(Arrival.source_name).label("name"), File.reason_code)
        .join(File, File.id == Arrival.file_id)
        .where(
            Arrival.archive_id == archive_id,
            ~exists().where(joined.file_id == Arrival.file_id, joined.study_id == study_id),
        )
        .group_by(Arrival.file_id, File.reason_code)
    ).all()
    retry(session, [member.file_id for member in members if member.reason_code in _NO_HEAD])
    session.add_all(
        Arrival(
            file_id=member.file_id,
            source_name=member.name,
            archive_id=archive_id,
            study_id=study_id,
            arrived_at=moment,
        )
        for member in members
    )
    session.flush()
    return [member.file_id for member in members]

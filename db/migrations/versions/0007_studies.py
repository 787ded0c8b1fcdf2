"""Studies and series; what goes first; archives; `not assessed`, which was `uncertain`."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = "'received', 'queued', 'running', 'classified', 'rejected', 'quarantined'"
LABELS = "label IN ('hemorrhage', 'normal', 'uncertain', 'not assessed')"
WAITING = "stat AND state = 'received'"
# The newest promotion names the version in use; with none, or for "(shipped)", it is the one that ships.
IN_USE = """coalesce(
         (SELECT nullif(promotion.model_version, '(shipped)') FROM promotion
          ORDER BY promotion.id DESC LIMIT 1),
         (SELECT shipped_model.version FROM shipped_model))"""

# {label_code} is a column that 0007 has and 0006 has not.
RESULTS_VIEW = """
CREATE VIEW results AS
SELECT file.id AS file_id,
       image.id AS image_id,
       image.frame AS frame,
       file.sha256 AS sha256,
       (SELECT arrival.source_name FROM arrival WHERE arrival.file_id = file.id ORDER BY arrival.id LIMIT 1)
           AS source_name,
       file.received_at AS received_at,
       file.state AS state,
       file.reason_code AS reason_code,
       file.reason AS reason,
       prediction.label AS label,
       {label_code}
       prediction.label_reason AS label_reason,
       prediction.probability AS probability,
       prediction.threshold AS threshold,
       prediction.model_version AS model_version,
       prediction.classified_at AS classified_at,
       (SELECT reading.label FROM reading WHERE reading.image_id = image.id ORDER BY reading.id DESC LIMIT 1)
           AS reader_label,
       file.warnings AS warnings
FROM file
LEFT JOIN image ON image.file_id = file.id
LEFT JOIN prediction ON prediction.id = coalesce(
    (SELECT used.id FROM prediction AS used
     WHERE used.image_id = image.id AND used.model_version = {in_use}),
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.image_id = image.id))
"""
RESULTS_0007 = RESULTS_VIEW.format(label_code="prediction.label_code AS label_code,", in_use=IN_USE)
RESULTS_0006 = RESULTS_VIEW.format(label_code="", in_use=IN_USE)

# {not_assessed} is a column that 0007 has and 0006 has not; {unsaid} are the labels that say nothing.
AGREEMENT_VIEW = """
CREATE VIEW agreement AS
SELECT counted.*,
       CASE WHEN agreed + disagreed > 0 THEN CAST(agreed AS DOUBLE PRECISION) / (agreed + disagreed) END
           AS agreement
FROM (
    SELECT {week} AS week,
           prediction.model_version AS model_version,
           count(*) AS readings,
           count(CASE WHEN prediction.label = reading.label THEN 1 END) AS agreed,
           count(CASE WHEN prediction.label <> reading.label
                 AND prediction.label NOT IN ({unsaid}) THEN 1 END) AS disagreed,
           count(CASE WHEN prediction.label = 'uncertain' THEN 1 END) AS uncertain
           {not_assessed}
    FROM reading
    JOIN prediction ON prediction.image_id = reading.image_id
    WHERE reading.id = (SELECT max(newest.id) FROM reading AS newest WHERE newest.image_id = reading.image_id)
    GROUP BY {week}, prediction.model_version
) AS counted
"""
AGREEMENT_0007 = {
    "unsaid": "'uncertain', 'not assessed'",
    "not_assessed": ", count(CASE WHEN prediction.label = 'not assessed' THEN 1 END) AS not_assessed",
}
AGREEMENT_0006 = {"unsaid": "'uncertain'", "not_assessed": ""}
WEEKS = {
    "sqlite": "date(reading.read_at, 'weekday 0', '-6 days')",
    "postgresql": "CAST(date_trunc('week', reading.read_at AT TIME ZONE 'UTC') AS DATE)",
}

STUDIES_0007 = f"""
CREATE VIEW studies AS
SELECT study.id AS study_id,
       study.study_uid AS study_uid,
       study.name AS name,
       study.accession_number AS accession_number,
       study.study_time AS study_time,
       study.received_at AS received_at,
       CASE WHEN study.stat THEN 'stat' ELSE 'routine' END AS priority,
       study.state AS state,
       study_result.label AS label,
       study_result.label_code AS label_code,
       study_result.label_reason AS label_reason,
       study_result.probability AS probability,
       study_result.threshold AS threshold,
       study_result.rule AS rule,
       study_result.model_version AS model_version,
       study.images_expected AS images_expected,
       CASE WHEN study.state = 'final' THEN study_result.images_received ELSE
           (SELECT count(*) FROM image JOIN series ON series.id = image.series_id
            WHERE series.study_id = study.id) +
           (SELECT count(DISTINCT arrival.file_id) FROM arrival JOIN file ON file.id = arrival.file_id
            WHERE arrival.study_id = study.id AND file.state <> 'unpacked')
           END AS images_received,
       study_result.images_assessed AS images_assessed,
       study_result.images_uncertain AS images_uncertain,
       study_result.finalised_at AS finalised_at,
       (SELECT reading.label FROM reading WHERE reading.study_id = study.id ORDER BY reading.id DESC LIMIT 1)
           AS reader_label,
       study_result.warnings AS warnings
FROM study
LEFT JOIN study_result ON study_result.id = coalesce(
    (SELECT max(used.id) FROM study_result AS used
     WHERE used.study_id = study.id AND used.model_version = {IN_USE}),
    (SELECT max(newest.id) FROM study_result AS newest WHERE newest.study_id = study.id))
"""  # noqa: S608 - constants


def upgrade() -> None:
    """Apply. What the model did not judge was `uncertain` until now."""
    op.execute("DROP VIEW results")
    op.execute("DROP VIEW agreement")
    _create_studies()
    with op.batch_alter_table("file") as table:
        table.add_column(
            sa.Column(
                "stat",
                sa.Boolean(),
                server_default=sa.false(),
                nullable=False,
                comment="Whether it goes before the others",
            )
        )
        table.drop_constraint(op.f("ck_file_state"), type_="check")
        table.create_check_constraint(op.f("ck_file_state"), f"state IN ({STATES}, 'unpacked')")
    op.create_index(
        "ix_file_stat_waiting",
        "file",
        ["id"],
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )
    _refer("image", "series", "SET NULL", "That its DICOM file names")
    op.add_column("image", sa.Column("sop_instance_uid", sa.String(64)))
    op.add_column("image", sa.Column("instance_number", sa.Integer()))
    op.add_column(
        "image",
        sa.Column(
            "position_mm", sa.Double(), comment="Along the normal of its plane, towards the head's top"
        ),
    )
    _refer("arrival", "file", "CASCADE", "The archive that it came out of", column="archive_id")
    _refer("arrival", "study", "SET NULL", "The study that a person named")
    op.add_column(
        "prediction",
        sa.Column(
            "label_code", sa.String(32), comment="Why it is uncertain or not assessed, as one of a few codes"
        ),
    )
    with op.batch_alter_table("prediction") as table:
        table.drop_constraint("ck_prediction_label_without_probability", type_="check")
    op.execute(
        "UPDATE prediction SET label = 'not assessed', label_code = "
        "CASE WHEN probability IS NULL THEN 'no_head_found' ELSE 'outside_domain' END "
        "WHERE probability IS NULL OR label = 'uncertain' AND label_reason = 'outside the model''s domain'"
    )
    op.execute("UPDATE prediction SET label_code = 'between_bounds' WHERE label = 'uncertain'")
    with op.batch_alter_table("prediction") as table:
        table.create_check_constraint(op.f("ck_prediction_label"), LABELS)
        table.create_check_constraint(
            "ck_prediction_label_without_probability", "probability IS NOT NULL OR label = 'not assessed'"
        )
    _refer("reading", "study", "CASCADE", index=["study_id", "id"])
    with op.batch_alter_table("reading") as table:
        table.alter_column("image_id", existing_type=sa.Integer(), nullable=True)
        table.create_check_constraint(
            op.f("ck_reading_image_or_study"), "(image_id IS NULL) <> (study_id IS NULL)"
        )
    op.add_column(
        "labelled_image",
        sa.Column("study", sa.String(64), comment="Study Instance UID of its DICOM file"),
    )
    op.add_column(
        "labelled_image",
        sa.Column("position", sa.Double(), comment="In the study, towards the head's top, in mm"),
    )
    _say_of_prediction("The same in words", "Beyond it nothing is said")
    op.execute(RESULTS_0007)
    _create_agreement(AGREEMENT_0007)
    op.execute(STUDIES_0007)


def downgrade() -> None:
    """Take back. Slices stay, each by itself; an archive becomes a rejection that says what it is."""
    for view in ("studies", "results", "agreement"):
        op.execute(f"DROP VIEW {view}")
    op.execute("DELETE FROM reading WHERE image_id IS NULL")
    with op.batch_alter_table("reading") as table:
        table.drop_constraint(op.f("ck_reading_image_or_study"), type_="check")
        table.alter_column("image_id", existing_type=sa.Integer(), nullable=False)
    for column in ("position", "study"):
        op.drop_column("labelled_image", column)
    _forget("reading", "study", index=["study_id", "id"])
    with op.batch_alter_table("prediction") as table:
        table.drop_constraint(op.f("ck_prediction_label"), type_="check")
        table.drop_constraint("ck_prediction_label_without_probability", type_="check")
    op.execute("UPDATE prediction SET label = 'uncertain' WHERE label = 'not assessed'")
    with op.batch_alter_table("prediction") as table:
        table.create_check_constraint(
            "ck_prediction_label_without_probability", "probability IS NOT NULL OR label = 'uncertain'"
        )
        table.drop_column("label_code")
    _forget("arrival", "study")
    _forget("arrival", "file", column="archive_id")
    for column in ("position_mm", "instance_number", "sop_instance_uid"):
        op.drop_column("image", column)
    _forget("image", "series")
    op.drop_index("ix_file_stat_waiting", "file")
    op.execute(
        "UPDATE file SET state = 'rejected', reason_code = 'unsupported', "
        "reason = 'This is an archive, whose files were taken one by one.' WHERE state = 'unpacked'"
    )
    with op.batch_alter_table("file") as table:
        table.drop_column("stat")
        table.drop_constraint(op.f("ck_file_state"), type_="check")
        table.create_check_constraint(op.f("ck_file_state"), f"state IN ({STATES})")
    for name in ("study_result", "series", "study"):
        op.drop_table(name)
    _say_of_prediction("Why the label is uncertain", "Beyond it the label is uncertain")
    op.execute(RESULTS_0006)
    _create_agreement(AGREEMENT_0006)


def _create_studies() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_uid", sa.String(64)),
        sa.Column("name", sa.String(255), comment="Given by a person; may identify a patient"),
        sa.Column("accession_number", sa.String(64)),
        sa.Column("study_time", sa.DateTime(), comment="By the scanner's clock, which tells no zone"),
        sa.Column(
            "patient_key", sa.String(64), comment="HMAC of the patient's identifier with a secret of the home"
        ),
        sa.Column("patient_id", sa.String(128), comment="In the clear, where a setting asks for it"),
        sa.Column("stat", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="Open until no new image came for a while"),
        sa.Column("images_expected", sa.Integer(), comment="As the files say"),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("last_arrival_at", MOMENT, nullable=False, comment="Of its newest file"),
        sa.CheckConstraint("state IN ('open', 'final')", name=op.f("ck_study_state")),
        sa.CheckConstraint("(study_uid IS NULL) <> (name IS NULL)", name=op.f("ck_study_uid_or_name")),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("study_uid", name="uq_study_study_uid"),
        sa.UniqueConstraint("name", name="uq_study_name"),
    )
    op.create_index("ix_study_state_last_arrival_at", "study", ["state", "last_arrival_at"])
    op.create_index("ix_study_patient_key", "study", ["patient_key"])
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("series_uid", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer()),
        sa.Column("thickness_mm", sa.Double()),
        sa.Column("kernel", sa.String(64)),
        sa.Column(
            "is_bone",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether that kernel is for bone",
        ),
        sa.Column("scanner", sa.String(128), comment="Manufacturer and model"),
        sa.Column("contrast", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("frame_of_reference_uid", sa.String(64)),
        sa.Column("images_expected", sa.Integer(), comment="As the files say"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_series_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("study_id", "series_uid", name="uq_series_study_id_series_uid"),
    )
    op.create_table(
        "study_result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="From 1, of the study's results"),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column(
            "rule", sa.String(64), nullable=False, comment="Name and version of what made it of the slices"
        ),
        sa.Column("series_id", sa.Integer(), comment="The series that counts"),
        sa.Column("label", sa.String(16), nullable=False),
        sa.Column("label_code", sa.String(32)),
        sa.Column("label_reason", sa.Text()),
        sa.Column("probability", sa.Double(), comment="Of hemorrhage, calibrated, 0 to 1"),
        sa.Column("threshold", sa.Double(), nullable=False, comment="At or above it the label is hemorrhage"),
        sa.Column("images_received", sa.Integer(), nullable=False),
        sa.Column("images_assessed", sa.Integer(), nullable=False),
        sa.Column("images_uncertain", sa.Integer(), nullable=False),
        sa.Column("driving_images", sa.JSON(), nullable=False, comment="Ids of the slices that drive it"),
        sa.Column("warnings", sa.Text(), comment="Gaps, doubled positions, other series"),
        sa.Column("finalised_at", MOMENT, nullable=False),
        sa.CheckConstraint(LABELS, name=op.f("ck_study_result_label")),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name=op.f("ck_study_result_probability")),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name="fk_study_result_study_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name="fk_study_result_series_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_study_result"),
        sa.UniqueConstraint("study_id", "number", name="uq_study_result_study_id_number"),
    )


def _refer(
    table: str,
    to: str,
    on_delete: str,
    comment: str | None = None,
    *,
    column: str = "",
    index: list[str] | None = None,
) -> None:
    column = column or f"{to}_id"
    index = index or [column]
    with op.batch_alter_table(table) as batch:
        batch.add_column(sa.Column(column, sa.Integer(), comment=comment))
        batch.create_foreign_key(f"fk_{table}_{column}", to, [column], ["id"], ondelete=on_delete)
    op.create_index(f"ix_{table}_{'_'.join(index)}", table, index)


def _forget(table: str, to: str, *, column: str = "", index: list[str] | None = None) -> None:
    column = column or f"{to}_id"
    op.drop_index(f"ix_{table}_{'_'.join(index or [column])}", table)
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(f"fk_{table}_{column}", type_="foreignkey")
        batch.drop_column(column)


def _create_agreement(columns: dict[str, str]) -> None:
    op.execute(AGREEMENT_VIEW.format(week=WEEKS[op.get_bind().dialect.name], **columns))


def _say_of_prediction(label_reason: str, domain_limit: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("prediction", "label_reason", comment=label_reason)
        op.alter_column("prediction", "domain_limit", comment=domain_limit)

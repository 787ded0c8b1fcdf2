"""`scan` becomes `file`, what arrives, and `image`, one picture of it; `part` becomes `split`."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# Of `scan` and of `file` alike.
COLUMNS = (
    "id, sha256, size_bytes, state, reason_code, reason, warnings, attempts, claimed_by, lease_expires_at, "
    "received_at, requeued_at, finished_at"
)

RESULTS_0006 = """
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
     WHERE used.image_id = image.id AND used.model_version = coalesce(
         (SELECT nullif(promotion.model_version, '(shipped)') FROM promotion
          ORDER BY promotion.id DESC LIMIT 1),
         (SELECT shipped_model.version FROM shipped_model))),
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.image_id = image.id))
"""
RESULTS_0005 = """
CREATE VIEW results AS
SELECT scan.id AS scan_id,
       scan.sha256 AS sha256,
       (SELECT arrival.source_name FROM arrival WHERE arrival.scan_id = scan.id ORDER BY arrival.id LIMIT 1)
           AS source_name,
       scan.received_at AS received_at,
       scan.state AS state,
       scan.reason_code AS reason_code,
       scan.reason AS reason,
       prediction.label AS label,
       prediction.label_reason AS label_reason,
       prediction.probability AS probability,
       prediction.threshold AS threshold,
       prediction.model_version AS model_version,
       prediction.classified_at AS classified_at,
       (SELECT reading.label FROM reading WHERE reading.scan_id = scan.id ORDER BY reading.id DESC LIMIT 1)
           AS reader_label,
       scan.warnings AS warnings
FROM scan
LEFT JOIN prediction ON prediction.id = coalesce(
    (SELECT used.id FROM prediction AS used
     WHERE used.scan_id = scan.id AND used.model_version = coalesce(
         (SELECT nullif(promotion.model_version, '(shipped)') FROM promotion
          ORDER BY promotion.id DESC LIMIT 1),
         (SELECT shipped_model.version FROM shipped_model))),
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.scan_id = scan.id))
"""
# {of} is the column of `reading` and of `prediction` that says what they are of.
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
           count(CASE WHEN prediction.label <> reading.label AND prediction.label <> 'uncertain' THEN 1 END)
               AS disagreed,
           count(CASE WHEN prediction.label = 'uncertain' THEN 1 END) AS uncertain
    FROM reading
    JOIN prediction ON prediction.{of} = reading.{of}
    WHERE reading.id = (SELECT max(newest.id) FROM reading AS newest WHERE newest.{of} = reading.{of})
    GROUP BY {week}, prediction.model_version
) AS counted
"""
WEEKS = {
    "sqlite": "date(reading.read_at, 'weekday 0', '-6 days')",
    "postgresql": "CAST(date_trunc('week', reading.read_at AT TIME ZONE 'UTC') AS DATE)",
}


def upgrade() -> None:
    """Apply: the file has the scan's id, and so has its image if somebody has said anything of it."""
    _drop_views()
    _create_file("file")
    op.execute(f"INSERT INTO file ({COLUMNS}) SELECT {COLUMNS} FROM scan")  # noqa: S608 - constants
    # The message that each waits for names a task of the release before, which no worker takes now.
    op.execute("UPDATE file SET lease_expires_at = received_at WHERE state IN ('queued', 'running')")
    op.create_table(
        "image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False, comment="Which picture of the file, from 0"),
        sa.CheckConstraint("frame >= 0", name=op.f("ck_image_frame")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_image_file_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_image"),
        sa.UniqueConstraint("file_id", "frame", name="uq_image_file_id_frame"),
    )
    op.execute(
        "INSERT INTO image (id, file_id, frame) SELECT id, id, 0 FROM scan WHERE "
        "EXISTS (SELECT 1 FROM prediction WHERE prediction.scan_id = scan.id) "
        "OR EXISTS (SELECT 1 FROM reading WHERE reading.scan_id = scan.id) "
        "OR EXISTS (SELECT 1 FROM labelled_image WHERE labelled_image.scan_id = scan.id)"
    )
    _count_on("file", "image")
    _turn("arrival", "scan", "file", "CASCADE", index=["{}"])
    _turn("prediction", "scan", "image", "CASCADE", unique=["{}", "model_version"])
    _turn("reading", "scan", "image", "CASCADE", index=["{}", "id"])
    _turn("labelled_image", "scan", "image", "SET NULL", index=["{}"])
    _rename_part("part", "split")
    op.drop_table("scan")
    _say_of_labelled_image("The image that a reader labelled")
    _create_views(RESULTS_0006, "image_id")


def downgrade() -> None:
    """Take back. Of a file with several pictures, what was said of the first one stays."""
    _drop_views()
    later = "image_id IN (SELECT id FROM image WHERE frame > 0)"
    op.execute(f"DELETE FROM prediction WHERE {later}")  # noqa: S608 - a constant
    op.execute(f"DELETE FROM reading WHERE {later}")  # noqa: S608 - a constant
    op.execute(f"UPDATE labelled_image SET image_id = NULL WHERE {later}")  # noqa: S608 - a constant
    op.execute("DELETE FROM image WHERE frame > 0")
    _create_file("scan")
    op.execute(f"INSERT INTO scan ({COLUMNS}) SELECT {COLUMNS} FROM file")  # noqa: S608 - constants
    _count_on("scan")
    _turn("arrival", "file", "scan", "CASCADE", index=["{}"])
    _turn("prediction", "image", "scan", "CASCADE", unique=["{}", "model_version"])
    _turn("reading", "image", "scan", "CASCADE", index=["{}", "id"])
    _turn("labelled_image", "image", "scan", "SET NULL", index=["{}"])
    _rename_part("split", "part")
    op.drop_table("image")
    op.drop_table("file")
    _say_of_labelled_image("The scan that a reader labelled")
    _create_views(RESULTS_0005, "scan_id")


def _create_file(name: str) -> None:
    """The table `file`, which was `scan`."""
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason_code", sa.String(32), comment="Why, as one of a few codes"),
        sa.Column("reason", sa.Text(), comment="Why it was rejected or quarantined"),
        sa.Column("warnings", sa.Text(), comment="What a reader of the result should know of the file"),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            comment="How often a worker began to read it since it last was new",
        ),
        sa.Column("claimed_by", sa.String(64), comment="Id of the Celery task that reads it"),
        sa.Column("lease_expires_at", MOMENT, comment=f"When a queued or running {name} is taken back"),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column(
            "requeued_at", MOMENT, comment="When it was last put back, to be tried or classified again"
        ),
        sa.Column("finished_at", MOMENT),
        sa.CheckConstraint(
            "state IN ('received', 'queued', 'running', 'classified', 'rejected', 'quarantined')",
            name=op.f(f"ck_{name}_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('rejected', 'quarantined')) = (reason IS NOT NULL)", name=op.f(f"ck_{name}_reason")
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.UniqueConstraint("sha256", name=f"uq_{name}_sha256"),
    )
    op.create_index(f"ix_{name}_state_finished_at_id", name, ["state", "finished_at", "id"])
    op.create_index(f"ix_{name}_received_at", name, ["received_at"])


def _turn(
    table: str,
    was: str,
    becomes: str,
    on_delete: str,
    *,
    index: list[str] | None = None,
    unique: list[str] | None = None,
) -> None:
    """Have the rows of `table` refer to `becomes` instead of `was`.

    `{}` in `index` and `unique` stands for the referring column.
    """
    old, new = f"{was}_id", f"{becomes}_id"
    nullable = on_delete == "SET NULL"
    op.add_column(table, sa.Column(new, sa.Integer()))
    found = "(SELECT file_id FROM image WHERE image.id = image_id)" if was == "image" else old
    op.execute(f"UPDATE {table} SET {new} = {found}")  # noqa: S608 - names of columns
    if index:
        op.drop_index(f"ix_{table}_{'_'.join(index).format(old)}", table)
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(f"fk_{table}_{old}", type_="foreignkey")
        if unique:
            batch.drop_constraint(f"uq_{table}_{'_'.join(unique).format(old)}", type_="unique")
        batch.drop_column(old)
        batch.alter_column(new, existing_type=sa.Integer(), nullable=nullable)
        batch.create_foreign_key(f"fk_{table}_{new}", becomes, [new], ["id"], ondelete=on_delete)
        if unique:
            batch.create_unique_constraint(
                f"uq_{table}_{'_'.join(unique).format(new)}", [name.format(new) for name in unique]
            )
    if index:
        op.create_index(
            f"ix_{table}_{'_'.join(index).format(new)}", table, [name.format(new) for name in index]
        )


def _rename_part(old: str, new: str) -> None:
    with op.batch_alter_table("labelled_image") as batch:
        batch.drop_constraint(f"ck_labelled_image_{old}", type_="check")
        batch.alter_column(old, new_column_name=new, existing_type=sa.String(16))
        batch.create_check_constraint(f"ck_labelled_image_{new}", f"{new} IN ('train', 'validation', 'test')")


def _count_on(*tables: str) -> None:
    """Have PostgreSQL give the next row of each table an id of its own."""
    if op.get_bind().dialect.name == "postgresql":
        for table in tables:
            newest = op.get_bind().scalar(
                sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(table))
            )
            sequence = sa.func.pg_get_serial_sequence(table, "id")
            op.get_bind().scalar(sa.select(sa.func.setval(sequence, newest or 1, newest is not None)))


def _drop_views() -> None:
    op.execute("DROP VIEW results")
    op.execute("DROP VIEW agreement")


def _create_views(results: str, of: str) -> None:
    op.execute(results)
    op.execute(AGREEMENT_VIEW.format(week=WEEKS[op.get_bind().dialect.name], of=of))


def _say_of_labelled_image(comment: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("labelled_image", "image_id" if "image" in comment else "scan_id", comment=comment)
        loss = "split" if "image" in comment else "part"
        op.alter_column("training_epoch", "loss", comment=f"Mean over the training {loss}, in nats")

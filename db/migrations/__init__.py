"""Alembic's scripts; run by `db.migrate`, never by hand."""

"""The record: tables, queries, migrations. Everything that must not be lost is here."""

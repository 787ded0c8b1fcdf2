"""The largest numbers that the database's columns hold, so that a larger one is refused by its own option."""

BIGINT_MAX = 2**63 - 1
"""Of an id, and of a row count."""
INTEGER_MAX = 2**31 - 1
"""Of any other whole number; PostgreSQL's INTEGER has 4 bytes."""

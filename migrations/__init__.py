"""Alembic migrations of the store.

A new one: change `app/store/tables.py`, write `versions/NNNN_<what>.py`, set `HEAD_REVISION`; the tests compare the migrated
schema with the tables on both databases.
"""

HEAD_REVISION = "0011"
"""The newest revision: a database that has it needs no Alembic at start."""

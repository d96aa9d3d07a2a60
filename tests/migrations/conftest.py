"""Migration tests run on both databases."""

from tests.postgres import empty_engine, engine, migrated_postgres, postgres_url

__all__ = ["empty_engine", "engine", "migrated_postgres", "postgres_url"]

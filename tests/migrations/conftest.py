"""Migration tests run on both databases."""

from tests.postgres import empty_engine, engine, postgres_url

__all__ = ["empty_engine", "engine", "postgres_url"]

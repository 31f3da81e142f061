"""Alembic's entry: runs the migrations on the connection that models.migrate hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Enum
from sqlalchemy.engine import Connection
from sqlmodel import AutoString

from models.columns import Amount, UtcDateTime
from models.tables import metadata


def render_item(kind: str, value: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own column types the short way."""
    if kind != "type":
        return False
    if isinstance(value, AutoString):
        return f"sa.String(length={value.length})" if value.length else "sa.String()"
    if isinstance(value, UtcDateTime | Amount):
        autogen.imports.add(f"from models.columns import {type(value).__name__}")
        return f"{type(value).__name__}()"
    if isinstance(value, Enum):
        return "sa.String(length=32)"
    if isinstance(value, JSON):
        autogen.imports.add("from sqlalchemy.dialects.postgresql import JSONB")
        return 'sa.JSON().with_variant(JSONB(), "postgresql")'
    return False


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_item,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

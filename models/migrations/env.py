"""Alembic's entry: runs the migrations on the connection that models.migrate hands over."""

from alembic import context
from sqlalchemy.engine import Connection

from models.tables import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

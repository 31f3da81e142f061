"""events

Messages of webhooks get a place in a list that is read to the end without missing any, their reader, and what the shop
had written on the service. An operation knows its idempotency key.

Revision: 0038, after: 0037.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "operation_id": sa.Integer(),
    "position": sa.Integer(),
    "owner": sa.String(64),
    "reference": sa.String(200),
    "shop_metadata": sa.JSON().with_variant(JSONB(), "postgresql"),
}
INDEXES = {
    "webhook_message_by_owner": ["owner", "position"],
    "webhook_message_by_kind": ["kind", "position"],
    "webhook_message_by_service": ["service_id", "position"],
}


def upgrade() -> None:
    op.add_column("operation", sa.Column("asked_with", sa.String(255), nullable=True))
    for name in ("last_position", "positions_removed"):
        op.add_column("installation", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name, kind in COLUMNS.items():
        op.add_column("webhook_message", sa.Column(name, kind, nullable=True))
    op.create_index("webhook_message_position", "webhook_message", ["position"], unique=True)
    for name, columns in INDEXES.items():
        op.create_index(name, "webhook_message", columns)


def downgrade() -> None:
    for name in ("webhook_message_position", *INDEXES):
        op.drop_index(name, "webhook_message")
    for name in COLUMNS:
        op.drop_column("webhook_message", name)
    for name in ("last_position", "positions_removed"):
        op.drop_column("installation", name)
    op.drop_column("operation", "asked_with")

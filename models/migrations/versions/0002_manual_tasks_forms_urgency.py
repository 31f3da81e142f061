"""manual tasks, forms, urgency

Revision: 0002, after: 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from models.columns import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("instructions", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("due_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("overdue", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("assignee", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("note", sa.String(), nullable=False, server_default=""))

    with op.batch_alter_table("upstream_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("met", sa.Boolean(), nullable=True))

    with op.batch_alter_table("upstream_snapshot", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("form", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False, server_default="{}")
        )


def downgrade() -> None:
    with op.batch_alter_table("upstream_snapshot", schema=None) as batch_op:
        batch_op.drop_column("form")

    with op.batch_alter_table("upstream_event", schema=None) as batch_op:
        batch_op.drop_column("met")

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_column("note")
        batch_op.drop_column("assignee")
        batch_op.drop_column("overdue")
        batch_op.drop_column("due_at")
        batch_op.drop_column("instructions")

    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.drop_column("urgent")

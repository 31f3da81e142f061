"""reasons in full

A workflow is told them without names and addresses of customers; people read them whole.

Revision: 0019, after: 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "whole_reason",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("whole", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_whole_reason_operation_id", "whole_reason", ["operation_id"])


def downgrade() -> None:
    op.drop_index("ix_whole_reason_operation_id", table_name="whole_reason")
    op.drop_table("whole_reason")

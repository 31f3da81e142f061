"""assignee of batches

The person who gets the tasks of a batch's operations.

Revision: 0049, after: 0048.
"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operation_batch", sa.Column("assignee", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("operation_batch", "assignee")

"""requests of operations

The id of the request that an operation came from, and the trace that it belongs to.

Revision: 0051, after: 0050.
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operation", sa.Column("request_id", sa.String(128), nullable=True))
    op.add_column("operation", sa.Column("traceparent", sa.String(55), nullable=True))


def downgrade() -> None:
    op.drop_column("operation", "traceparent")
    op.drop_column("operation", "request_id")

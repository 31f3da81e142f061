"""operations that are slower than usual

Since when the confirmation of an operation takes longer than it usually does at this upstream, and what was usual.

Revision: 0018, after: 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_SLOW = sa.text("slow_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("operation", sa.Column("slow_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("operation", sa.Column("usual_seconds", sa.Integer(), nullable=True))
    op.create_index("operation_slow", "operation", ["id"], sqlite_where=_SLOW, postgresql_where=_SLOW)


def downgrade() -> None:
    op.drop_index("operation_slow", table_name="operation")
    op.drop_column("operation", "usual_seconds")
    op.drop_column("operation", "slow_since")

"""drift by kind

A page of the differences of one kind is read from an index, however many others there are.

Revision: 0033, after: 0032.
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("drift_by_kind", "drift", ["kind", "id"])


def downgrade() -> None:
    op.drop_index("drift_by_kind", "drift")

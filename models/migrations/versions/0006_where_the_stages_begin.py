"""where the stages begin

An operation says from when on its stages are whole, once older ones have been removed.

Revision: 0006, after: 0005.
"""

import sqlalchemy as sa
from alembic import op

from models.columns import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operation", sa.Column("history_begins_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("operation", "history_begins_at")

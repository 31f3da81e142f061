"""when it is tried again

An operation tells how often its stage was tried in vain, and when it is tried again automatically.

Revision: 0014, after: 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operation", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("operation", sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("operation", "next_try_at")
    op.drop_column("operation", "tries")

"""paused upstreams

Since when a person wants nothing sent to an upstream, who, and why.

Revision: 0053, after: 0052.
"""

import sqlalchemy as sa
from alembic import op

from models.columns import UtcDateTime

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upstream_account", sa.Column("paused_since", UtcDateTime(), nullable=True))
    op.add_column("upstream_account", sa.Column("paused_by", sa.String(64), nullable=True))
    op.add_column("upstream_account", sa.Column("paused_reason", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("upstream_account", "paused_reason")
    op.drop_column("upstream_account", "paused_by")
    op.drop_column("upstream_account", "paused_since")

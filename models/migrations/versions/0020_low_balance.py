"""low balance

An account tells since when less is free on it than a processing module wants at least.

Revision: 0020, after: 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upstream_account", sa.Column("low_balance_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("upstream_account", "low_balance_since")

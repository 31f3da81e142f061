"""feeds of upstreams

Up to where an upstream's own list of changes was read.

Revision: 0050, after: 0049.
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upstream_account", sa.Column("feed_cursor", sa.String(255), nullable=True))


def downgrade() -> None:
    op.drop_column("upstream_account", "feed_cursor")

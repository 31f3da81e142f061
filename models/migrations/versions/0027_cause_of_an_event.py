"""cause of an event

An event that an operation's goal is out of reach keeps the upstream's cause, so that another cause is news.

Revision: 0027, after: 0026.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upstream_event", sa.Column("cause", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("upstream_event", "cause")

"""accounts that are left alone

An upstream that answers 429 or `Retry-After` is left alone, by every worker process: each learns it from its account.

Revision: 0011, after: 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upstream_account", sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("upstream_account", sa.Column("rests_because", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("upstream_account", "rests_because")
    op.drop_column("upstream_account", "rests_until")

"""upstreams that do not answer

An account tells since when nothing of it could be read, or which of its lists could not.

Revision: 0017, after: 0016.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upstream_account", sa.Column("unreachable_reason", sa.String(), nullable=True))
    op.add_column("upstream_account", sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True))
    failing = sa.Column(
        "failing_lists", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False, server_default="{}"
    )
    op.add_column("upstream_account", failing)


def downgrade() -> None:
    for column in ("failing_lists", "unreachable_since", "unreachable_reason"):
        op.drop_column("upstream_account", column)

"""limits and circuits

An upstream account has limits of its own, and its circuit breakers are seen. An intent has the flight of its request.

Revision: 0030, after: 0029.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("limits", "circuits"):
        kind = sa.JSON().with_variant(JSONB(), "postgresql")
        op.add_column("upstream_account", sa.Column(name, kind, nullable=False, server_default="{}"))
    op.add_column("intent", sa.Column("flight_seconds", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("intent", "flight_seconds")
    for name in ("circuits", "limits"):
        op.drop_column("upstream_account", name)

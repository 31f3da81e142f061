"""settings of a mapping

A mapping keeps the keys that its kind of upstream alone has, as accounts do.

Revision: 0026, after: 0025.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settings = sa.Column("settings", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False, server_default="{}")
    op.add_column("plan_mapping", settings)


def downgrade() -> None:
    op.drop_column("plan_mapping", "settings")

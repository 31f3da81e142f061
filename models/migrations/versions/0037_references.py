"""references

A shop writes its own name and values on a service and on each request, and reads them again.

Revision: 0037, after: 0036.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("service", "operation"):
        kind = sa.JSON().with_variant(JSONB(), "postgresql")
        op.add_column(table, sa.Column("reference", sa.String(200), nullable=False, server_default=""))
        op.add_column(table, sa.Column("shop_metadata", kind, nullable=False, server_default="{}"))


def downgrade() -> None:
    for table in ("service", "operation"):
        op.drop_column(table, "shop_metadata")
        op.drop_column(table, "reference")

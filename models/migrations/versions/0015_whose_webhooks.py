"""whose webhooks

An endpoint of a storefront gets what is about the storefront's services; without a value it is the operators'. Those
that are there stay theirs.

Revision: 0015, after: 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhook_endpoint", sa.Column("owner", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("webhook_endpoint", "owner")

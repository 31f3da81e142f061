"""automatic renewal

Who renews a service is said by two columns: the side, which older versions read and write, and whether we renew it
without being asked. What is there already is renewed by its storefront, or by the upstream.

Revision: 0036, after: 0035.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("service", "plan_mapping"):
        op.add_column(table, sa.Column("renews_automatically", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for table in ("plan_mapping", "service"):
        op.drop_column(table, "renews_automatically")

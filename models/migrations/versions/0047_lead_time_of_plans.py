"""lead time of plans

How long before the end of their terms the services of a plan are renewed automatically.

Revision: 0047, after: 0046.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tariff_plan", sa.Column("renewal_lead_days", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("tariff_plan", "renewal_lead_days")

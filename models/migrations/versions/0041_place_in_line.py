"""place in line

Prolongations wait for money before all others, the soonest end of a term first. What an older version puts in line is
an ordinary order.

Revision: 0041, after: 0040.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reservation", sa.Column("place", sa.Integer(), nullable=False, server_default="10000000"))


def downgrade() -> None:
    op.drop_column("reservation", "place")

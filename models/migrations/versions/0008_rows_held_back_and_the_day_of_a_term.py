"""rows held back, and the day of a term

A list tells which of its rows were held back, and why. A service remembers the day of the month on which its terms end,
so that a month from the end of February is the end of March where it began on a 31st.

Revision: 0008, after: 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service", sa.Column("anchor_day", sa.Integer(), nullable=True))
    held_back = sa.Column(
        "held_back", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False, server_default="{}"
    )
    op.add_column("upstream_list", held_back)


def downgrade() -> None:
    op.drop_column("upstream_list", "held_back")
    op.drop_column("service", "anchor_day")

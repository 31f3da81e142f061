"""rows held back, and the day of a term

A list tells which of its rows were held back, and why. A service remembers the day of the month on which its terms end,
so that a month from the end of February is the end of March where it began on a 31st. A period or price that is taken
out of the catalogue stays for the services that have it.

Revision: 0008, after: 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEPT = ("tariff_plan_price", "mapped_period")


def upgrade() -> None:
    op.add_column("service", sa.Column("anchor_day", sa.Integer(), nullable=True))
    held_back = sa.Column(
        "held_back", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False, server_default="{}"
    )
    op.add_column("upstream_list", held_back)
    for table in _KEPT:
        retired: sa.Column[bool] = sa.Column("retired", sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column(table, retired)


def downgrade() -> None:
    for table in _KEPT:
        op.drop_column(table, "retired")
    op.drop_column("upstream_list", "held_back")
    op.drop_column("service", "anchor_day")

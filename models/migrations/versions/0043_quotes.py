"""quotes

What an order was said to cost, and which quote an operation was ordered by.

Revision: 0043, after: 0042.
"""

import sqlalchemy as sa
from alembic import op

from models.columns import Amount

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("selling_amount", Amount(), nullable=True),
        sa.Column("selling_currency", sa.String(3), nullable=True),
        sa.Column("cost_amount", Amount(), nullable=True),
        sa.Column("cost_currency", sa.String(3), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.add_column("operation", sa.Column("quote", sa.String(40), nullable=True))


def downgrade() -> None:
    op.drop_column("operation", "quote")
    op.drop_table("quote")

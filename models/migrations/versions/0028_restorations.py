"""restorations

A database that turns out to be older than what Temporal knows is held, and each `resell restored` is recorded.

Revision: 0028, after: 0027.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("installation", sa.Column("held_because", sa.String(), nullable=True))
    op.create_table(
        "restoration",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("former_tag", sa.String(16), nullable=False),
        sa.Column("last_known", sa.Integer(), nullable=False),
        sa.Column("last_lost", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("restoration")
    op.drop_column("installation", "held_because")

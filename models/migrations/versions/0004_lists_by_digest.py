"""lists by digest

Each item keeps the digest of the row that was judged last, each list of an account how far it is known. What is there
is judged once more at the next look; lists of accounts that have been watched count as loaded.

Revision: 0004, after: 0003.
"""

import sqlalchemy as sa
from alembic import op

from models.columns import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TO_JUDGE = "row_digest = ''"


def upgrade() -> None:
    op.add_column("upstream_snapshot", sa.Column("row_digest", sa.String(length=64), nullable=True, server_default=""))
    op.create_index("ix_upstream_snapshot_remoteid", "upstream_snapshot", ["remoteid"])
    op.create_index(
        "upstream_snapshot_first_seen", "upstream_snapshot", ["account_id", "product_type", "first_seen_at"]
    )
    op.create_index(
        "upstream_snapshot_to_judge",
        "upstream_snapshot",
        ["account_id", "product_type"],
        sqlite_where=sa.text(_TO_JUDGE),
        postgresql_where=sa.text(_TO_JUDGE),
    )
    op.create_table(
        "upstream_list",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("product_type", sa.String(length=32), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=True),
        sa.Column("listed_at", UtcDateTime(), nullable=True),
        sa.Column("audit_entry", sa.Integer(), nullable=False),
        sa.Column("stage_entry", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["upstream_account.id"]),
        sa.PrimaryKeyConstraint("account_id", "product_type"),
    )
    op.execute(
        "INSERT INTO upstream_list (account_id, product_type, loaded_at, listed_at, audit_entry, stage_entry) "
        "SELECT DISTINCT a.id, s.product_type, a.polled_at, a.polled_at, "
        "(SELECT coalesce(max(id), 0) FROM audit_entry), (SELECT coalesce(max(id), 0) FROM stage_entry) "
        "FROM upstream_account a JOIN upstream_snapshot s ON s.account_id = a.id WHERE a.polled_at IS NOT NULL"
    )
    op.execute("UPDATE upstream_snapshot SET row_digest = NULL WHERE gone")


def downgrade() -> None:
    op.drop_table("upstream_list")
    for name in ("upstream_snapshot_to_judge", "upstream_snapshot_first_seen", "ix_upstream_snapshot_remoteid"):
        op.drop_index(name, "upstream_snapshot")
    op.drop_column("upstream_snapshot", "row_digest")

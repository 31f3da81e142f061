"""terms

What becomes of a service at the end of its term, and what has been said and done about that end.

Revision: 0039, after: 0038.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service", sa.Column("at_end_of_term", sa.String(length=32), nullable=False, server_default="renew"))
    op.create_index("service_by_end_of_term", "service", ["expires_on", "id"])
    op.create_table(
        "term",
        sa.Column("service_id", sa.Integer(), sa.ForeignKey("service.id"), primary_key=True, autoincrement=False),
        sa.Column("ends_on", sa.Date(), primary_key=True),
        sa.Column("noticed_days", sa.Integer(), nullable=True),
        sa.Column("announced_on", sa.Date(), nullable=True),
        sa.Column("operation_id", sa.Integer(), sa.ForeignKey("operation.id"), nullable=True),
        sa.Column("failed_on", sa.Date(), nullable=True),
        sa.Column("closing_id", sa.Integer(), sa.ForeignKey("operation.id"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("term_by_end", "term", ["ends_on"])


def downgrade() -> None:
    op.drop_table("term")
    op.drop_index("service_by_end_of_term", "service")
    op.drop_column("service", "at_end_of_term")

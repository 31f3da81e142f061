"""times that nobody reads

Two columns go that were written and never read. When a late yes came is in the audit; when a reservation was asked for
is in the stages of its operation.

Revision: 0025, after: 0024.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_operation = sa.table("operation", sa.column("id", sa.Integer()), sa.column("created_at", _MOMENT))
_reservation = sa.table("reservation", sa.column("operation_id", sa.Integer()), sa.column("requested_at", _MOMENT))


def upgrade() -> None:
    op.drop_column("intent", "late_yes_at")
    op.drop_column("reservation", "requested_at")


def downgrade() -> None:
    """A reservation gets the moment at which its operation was accepted."""
    op.add_column("intent", sa.Column("late_yes_at", _MOMENT, nullable=True))
    op.add_column(
        "reservation", sa.Column("requested_at", _MOMENT, nullable=False, server_default="1970-01-01 00:00:00")
    )
    accepted = (
        sa.select(_operation.c.created_at).where(_operation.c.id == _reservation.c.operation_id).scalar_subquery()
    )
    op.execute(sa.update(_reservation).values(requested_at=accepted))

"""channels in the console

What the console shows of each channel of the notifications, and the trial message that a person wants.

Revision: 0060, after: 0059.
"""

import sqlalchemy as sa
from alembic import op

from models.columns import UtcDateTime

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

_COLUMNS = (
    sa.Column("last_failed_at", UtcDateTime(), nullable=True),
    sa.Column("last_failure", sa.String(), nullable=True),
    sa.Column("rules", sa.String(), nullable=True),
    sa.Column("trial_asked_at", UtcDateTime(), nullable=True),
    sa.Column("trial_at", UtcDateTime(), nullable=True),
    sa.Column("trial_error", sa.String(), nullable=True),
)


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("notification_channel", column.copy())


def downgrade() -> None:
    for column in reversed(_COLUMNS):
        op.drop_column("notification_channel", column.name)

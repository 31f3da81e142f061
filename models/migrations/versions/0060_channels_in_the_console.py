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

_TIMES = ("last_failed_at", "trial_asked_at", "trial_at")
_TEXTS = ("last_failure", "rules", "trial_error")


def upgrade() -> None:
    for name in _TIMES:
        op.add_column("notification_channel", sa.Column(name, UtcDateTime(), nullable=True))
    for name in _TEXTS:
        op.add_column("notification_channel", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    for name in _TEXTS + _TIMES:
        op.drop_column("notification_channel", name)

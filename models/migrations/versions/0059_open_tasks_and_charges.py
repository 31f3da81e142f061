"""open tasks and charges

Tasks that wait for a person, and what an account was charged lately, are read from indexes of their own, however many
tasks are done and however much was charged before.

Revision: 0059, after: 0058.
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

INDEXES = {
    "task_for_people": ("task", ["created_at", "id"], "state = 'open' AND mode = 'manual'"),
    "reservation_charged": (
        "reservation",
        ["account_id", "released_at", "release_number"],
        "release_number IS NOT NULL",
    ),
}


def upgrade() -> None:
    for name, (table, columns, condition) in INDEXES.items():
        op.create_index(name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def downgrade() -> None:
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)

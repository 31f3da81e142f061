"""search in the audit

The audit is read by person, by act and by time from indexes, however long it is.

Revision: 0054, after: 0053.
"""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

INDEXES = {"actor": "actor", "action": "action", "time": "at"}


def upgrade() -> None:
    for name, column in INDEXES.items():
        op.create_index(f"audit_entry_by_{name}", "audit_entry", [column, "id"])


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(f"audit_entry_by_{name}", "audit_entry")

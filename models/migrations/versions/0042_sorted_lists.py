"""sorted lists

Services and operations are found by the shop's own name and by their time.

Revision: 0042, after: 0041.
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

INDEXES = {
    "service_by_reference": ("service", ["reference", "id"]),
    "service_by_creation": ("service", ["created_at"]),
    "operation_by_reference": ("operation", ["reference", "id"]),
    "operation_by_creation": ("operation", ["created_at"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)

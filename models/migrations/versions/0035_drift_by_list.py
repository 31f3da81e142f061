"""drift by list

A sweep reads the differences of its list, and of a slice of services, that are not ended, however many are.

Revision: 0035, after: 0034.
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("drift_of_service_by_state", "drift", ["service_id", "state"])
    op.create_index("drift_of_list_by_state", "drift", ["account_id", "product_type", "state", "kind"])


def downgrade() -> None:
    op.drop_index("drift_of_list_by_state", "drift")
    op.drop_index("drift_of_service_by_state", "drift")

"""services by expiry

The services of an account whose terms end soon are read from an index, however many others there are.

Revision: 0049, after: 0048.
"""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("service_by_expiry", "service", ["account_id", "expires_on"])


def downgrade() -> None:
    op.drop_index("service_by_expiry", "service")

"""services by expiry

The services of an account whose terms end soon are read from an index, however many others there are.

Revision: 0045, after: 0044.
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("service_by_expiry", "service", ["account_id", "expires_on"])


def downgrade() -> None:
    op.drop_index("service_by_expiry", "service")

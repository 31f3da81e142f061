"""owners of services

A service belongs to the storefront whose order opened it; without a value it is the operators'. Services that are there
get the client of their opening's idempotency key. What was ordered by the command line, by a Python program or by
Resellflow itself has no owner.

Revision: 0010, after: 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

_FILL = """
UPDATE service SET owner = (
    SELECT min(intake_key.client)
    FROM intake_key JOIN operation ON operation.id = intake_key.operation_id
    WHERE operation.service_id = service.id AND operation.kind = 'open'
      AND intake_key.client NOT IN ('cli', 'python', 'resellflow')
)
"""


def upgrade() -> None:
    op.add_column("service", sa.Column("owner", sa.String(length=64), nullable=True))
    op.execute(_FILL)
    op.create_index("service_by_owner", "service", ["owner", "id"])


def downgrade() -> None:
    op.drop_index("service_by_owner", table_name="service")
    op.drop_column("service", "owner")

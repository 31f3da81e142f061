"""departments of people

Whose tasks a person is shown as those of their department.

Revision: 0058, after: 0057.
"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("department", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("person", "department")

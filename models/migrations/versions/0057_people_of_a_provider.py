"""people of a provider

Whom an OpenID provider vouches for.

Revision: 0057, after: 0056.
"""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("subject", sa.String(512), nullable=True))
    op.create_index("person_subject", "person", ["subject"], unique=True)


def downgrade() -> None:
    op.drop_index("person_subject", "person")
    op.drop_column("person", "subject")

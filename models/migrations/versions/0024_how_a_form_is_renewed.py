"""how a form is renewed

A snapshot keeps how its upstream renews the item, as the form told last. Until now it was looked up in one upstream's
own field.

Revision: 0024, after: 0023.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_snapshot = sa.table(
    "upstream_snapshot",
    sa.column("form_renewal", sa.String()),
    sa.column("form", sa.JSON().with_variant(JSONB(), "postgresql")),
)


def upgrade() -> None:
    op.add_column("upstream_snapshot", sa.Column("form_renewal", sa.String(), nullable=False, server_default=""))
    told = sa.func.coalesce(_snapshot.c.form["autoprolong"].as_string(), "")
    op.execute(sa.update(_snapshot).values(form_renewal=told))


def downgrade() -> None:
    op.drop_column("upstream_snapshot", "form_renewal")

"""webhooks by the API

Endpoints that were added by the API: their sealed secrets, whether a storefront chose the address, and the request.

Revision: 0048, after: 0047.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_TABLE = "webhook_endpoint"
_INDEX = "webhook_endpoint_by_request"


def upgrade() -> None:
    kind = sa.JSON().with_variant(JSONB(), "postgresql")
    op.add_column(_TABLE, sa.Column("sealed_secrets", kind, nullable=True))
    op.add_column(_TABLE, sa.Column("address_by_shop", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column(_TABLE, sa.Column("request_key", sa.String(400), nullable=True))
    op.add_column(_TABLE, sa.Column("request_hash", sa.String(64), nullable=True))
    op.create_index(_INDEX, _TABLE, ["request_key"], unique=True)


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
    for name in ("request_hash", "request_key", "address_by_shop", "sealed_secrets"):
        op.drop_column(_TABLE, name)

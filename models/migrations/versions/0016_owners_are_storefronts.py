"""owners are storefronts

0010 took the client of a service's first key for its owner, whoever that was. The settings of this process know more:
what an operator's token had ordered is the operators'; and what came without a key (adopted, say) belongs to the only
storefront, where there is exactly one. Without these settings nothing is changed.

Revision: 0016, after: 0015.
"""

import os

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_service = sa.table("service", sa.column("id", sa.Integer()), sa.column("owner", sa.String()))
_HAS_NO_KEY = sa.text(
    "NOT EXISTS (SELECT 1 FROM intake_key JOIN operation ON operation.id = intake_key.operation_id"
    " WHERE operation.service_id = service.id AND operation.kind = 'open')"
)


def _names(variable: str) -> list[str]:
    """Of `NAME=TOKEN,NAME=TOKEN`, as the settings are written."""
    entries = (entry.partition("=") for entry in os.environ.get(variable, "").split(","))
    return sorted({name.strip() for name, separator, _ in entries if separator and name.strip()})


def upgrade() -> None:
    storefronts, operators = _names("RESELL_STOREFRONT_TOKENS"), _names("RESELL_OPERATOR_TOKENS")
    of_operators = [name for name in operators if name not in storefronts]
    if of_operators:
        op.execute(sa.update(_service).where(_service.c.owner.in_(of_operators)).values(owner=None))
    if len(storefronts) == 1:
        without_key = sa.and_(_service.c.owner.is_(None), _HAS_NO_KEY)
        op.execute(sa.update(_service).where(without_key).values(owner=storefronts[0]))


def downgrade() -> None:
    pass
